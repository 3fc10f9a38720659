import Renorm
import Testing

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("layer1", "layer1", true), ("layer1", "layer1.0.conv1", true), ("layer1", "layer10", false),
        ("layer1", "stage.layer1", false), ("layer1.0", "layer1.0.conv1.weight", true),
        ("layer1.0", "layer1", false), ("layer*.0", "layer1.0.conv1", true),
        ("layer*.0", "layer1.1.conv1", false), ("layer*", "layer1.0", true), ("*", "conv1.weight", true),
        ("*.bn1", "block.bn1.weight", true), ("*.bn1", "bn1", false), ("*.bn1", "layer1.0.bn1", false),
        ("**.bn1", "bn1", true), ("**.bn1", "layer1.0.bn1", true), ("**.bn1", "layer1.0.bn10", false),
        ("**.bn1", "xbn1", false), ("**bn1", "xbn1", true), ("**bn1", "layer1.0.bn1.bias", true),
        ("**bn1", "layer1.0.bn10", false), ("layer1.**.bias", "layer1.bias", true),
        ("layer1.**.bias", "layer1.0.bn1.bias", true), ("layer1.**.bias", "layer1.0.xbias", false),
        ("layer1**", "layer10.0", true), ("a**.b", "ab", false), ("a**.b", "a.b", true),
        ("a**.b", "ax.y.b", true), ("*n*.0", "conv1.0.weight", true), ("*n*.0", "fc.0", false),
        ("**", "", true), ("**", "anything.at.all", true), ("", "anything", true), ("", "", true),
        ("bn1", "", false), ("bn1.weight", "bn1", false), ("BN1", "bn1", false), ("bn?", "bn1", false),
        ("*", "", true), ("bn1.", "bn1.weight", false),
    ])
    func matchesItsPathAndEverythingBelow(_ pattern: String, _ path: String, _ expected: Bool) {
        #expect(PathPattern(pattern).matches(path) == expected)
    }
}
