import Renorm

extension Double {
    /// 0.9234 as "92.34 %".
    var percent: String { "\((self * 100).formatted(2)) %" }

    /// With a fixed number of decimals and a point, whatever the locale.
    func formatted(_ decimals: Int) -> String { text("%.\(decimals)f") }
}

extension Int {
    /// 11689512 as "11,689,512".
    var grouped: String {
        var result = ""
        for (index, digit) in String(magnitude).reversed().enumerated() {
            if index > 0 && index % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return (self < 0 ? "-" : "") + result.reversed()
    }

    /// Bytes as "12.3 MiB".
    var bytes: String {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(self), 0)
        while value >= 1024 && unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(self) bytes" : "\(value.formatted(1)) \(units[unit])"
    }
}
