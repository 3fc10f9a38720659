import Foundation

/// A drawing under construction, in pixels from the upper left corner.
struct SVG {
    private let width: Double
    private let height: Double
    private let title: String
    private var body = ""

    private let description: String

    /// - Parameter description: What it shows, in words, for those who do not see it.
    init(width: Double, height: Double, title: String, description: String = "") {
        (self.width, self.height, self.title, self.description) = (width, height, title, description)
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String, width: Double = 1
    ) {
        body +=
            "<line x1='\(x1.short)' y1='\(y1.short)' x2='\(x2.short)' y2='\(y2.short)' stroke='\(color)' "
            + "stroke-width='\(width.short)'/>\n"
    }

    /// - Parameter dashes: The lengths of dashes and gaps; empty: none.
    mutating func path(
        _ points: [(Double, Double)], color: String, width: Double = 2, dashes: [Double] = []
    ) {
        let text = points.map { "\($0.0.short),\($0.1.short)" }.joined(separator: " ")
        let pattern =
            dashes.isEmpty ? "" : " stroke-dasharray='\(dashes.map(\.short).joined(separator: " "))'"
        body +=
            "<polyline points='\(text)' fill='none' stroke='\(color)' stroke-width='\(width.short)'\(pattern) "
            + "stroke-linejoin='round'/>\n"
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, color: String, opacity: Double = 1,
        note: String = ""
    ) {
        let title = note.isEmpty ? "/>" : "><title>\(note.escaped)</title></rect>"
        body +=
            "<rect x='\(x.short)' y='\(y.short)' width='\(width.short)' height='\(height.short)' fill='\(color)' "
            + "fill-opacity='\(opacity.text("%.2f"))'\(title)\n"
    }

    mutating func dot(
        _ x: Double, _ y: Double, radius: Double, color: String, opacity: Double = 1, isHollow: Bool = false,
        note: String = ""
    ) {
        let fill = isHollow ? "fill='none' stroke='\(color)' stroke-width='1.5'" : "fill='\(color)'"
        body +=
            "<circle cx='\(x.short)' cy='\(y.short)' r='\(radius.short)' \(fill) opacity='\(opacity.short)'>"
            + "<title>\(note.escaped)</title></circle>\n"
    }

    enum Anchor: String { case start, middle, end }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, anchor: Anchor = .start, size: Double = 12,
        color: String = "currentColor"
    ) {
        body +=
            "<text x='\(x.short)' y='\(y.short)' text-anchor='\(anchor.rawValue)' font-size='\(size.short)' "
            + "fill='\(color)'>\(text.escaped)</text>\n"
    }

    /// As a part of a page, in its colors.
    var text: String { text(style: "max-width:\(width.short)px") }

    /// As a file.
    var document: String {
        text(style: "background:white;color:black;font-family:sans-serif") {
            " width='\($0.short)' height='\($1.short)'"
        }
    }

    private func text(style: String, size: (Double, Double) -> String = { _, _ in "" }) -> String {
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 \(width.short) \(height.short)'\(size(width, height)) "
            + "role='img' style='\(style)'><title>\(title.escaped)</title>\(description.isEmpty ? "" : "<desc>\(description.escaped)</desc>")\n\(body)</svg>\n"
    }
}

extension Double {
    var short: String {
        let text = text("%.1f")
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

extension String {
    /// As HTML and SVG take it. XML forbids most control characters in any form, so they are shown as text.
    var escaped: String {
        visible.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "'", with: "&#39;")
            .replacingOccurrences(of: "\"", with: "&quot;")
    }
}
