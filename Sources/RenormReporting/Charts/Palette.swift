/// Colours of charts: each with a contrast of at least 3 to white and to near black, so that one drawing serves light and dark
/// pages (WCAG 2.2, 1.4.11).
package enum Palette {
    package static let colors = [
        "#4477aa", "#d1495b", "#228833", "#a8740a", "#0a8a9c", "#b0408a", "#777777", "#c9631c", "#7e57c2",
        "#5b8a72",
    ]

    /// Of lines that guide the eye.
    static let gray = "#99999966"

    /// Of what is too much.
    static let alarm = "#d1495b"

    /// The colour of a series, from 0.
    static func color(_ index: Int) -> String { colors[index % colors.count] }

    /// The dashes of a series, so that colours are not all that tells series apart.
    static func dashes(_ index: Int) -> [Double] { [[], [6, 3], [2, 2.5], [8, 3, 2, 3]][index % 4] }
}
