/// A folder and all above it, the root last: where something that belongs to a checkout is looked for.
///
/// Arithmetic on text, so it ends for every path. A relative one has no known folder above it and gives none; the
/// working folder's is relative, or empty, once that folder has been deleted.
package func foldersUpwards(from path: String) -> [String] {
    guard path.hasPrefix("/") else { return [] }
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
        if name == ".." {
            _ = names.popLast()
        } else {
            names.append(name)
        }
    }
    return (0...names.count).reversed().map { "/" + names.prefix($0).joined(separator: "/") }
}
