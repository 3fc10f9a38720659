import Foundation

extension Double {
    /// The number as `printf` writes it with a format for one number, but NaN without the sign that it happens to have.
    package func text(_ format: String) -> String { isNaN ? "nan" : String(format: format, self) }
}
