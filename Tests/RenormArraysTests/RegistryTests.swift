import RenormArrays
import Testing

@Suite struct RegistryTests {
    private func table() -> Registry<Int> {
        let table = Registry<Int>(of: "number")
        table.register("two", 2)
        table.register("one", 1)
        table.register("power", argument: .required("N"), 3)
        table.register("root", argument: .optional("N"), 4)
        return table
    }

    @Test func namesStayInTheOrderOfRegistration() {
        #expect(table().names == ["two", "one", "power", "root"])
        #expect(table().forms == ["two", "one", "power:N", "root", "root:N"])
    }

    @Test func aNameFindsItsValue() {
        #expect(table()["one"] == 1)
        #expect(table()["three"] == nil)
    }

    @Test(
        arguments: [
            ("two", 2, nil), ("power:7", 3, "7"), ("power:a:b", 3, "a:b"), ("root", 4, nil),
            ("root:x", 4, "x"),
        ] as [(String, Int, String?)])
    func aTextFindsValueAndArgument(text: String, value: Int, argument: String?) throws {
        let found = try #require(table().find(text))
        #expect(found.value == value)
        #expect(found.argument == argument)
    }

    @Test(arguments: ["", "three", "Two", "two:", "two:1", "power", "power:", "root:", ":1", " two"])
    func otherTextsFindNothing(text: String) { #expect(table().find(text) == nil) }

    @Test func aFaultListsWhatIsKnown() {
        #expect(
            table().fault(of: "three").description
                == "number: found 'three'; expected one of two, one, power:N, root, root:N")
    }

    @Test func aReplacedRowKeepsItsPlace() {
        let table = table()
        table.register("two", argument: .required("X"), replaces: true, 22)
        #expect(table.names == ["two", "one", "power", "root"])
        #expect(table.find("two:a")?.value == 22)
    }

    @Test func manyThreadsMayRegister() async {
        let table = Registry<Int>(of: "number")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<100 { group.addTask { table.register("n\(number)", number) } }
        }
        #expect(Set(table.names) == Set((0..<100).map { "n\($0)" }))
        #expect(table["n57"] == 57)
    }
}
