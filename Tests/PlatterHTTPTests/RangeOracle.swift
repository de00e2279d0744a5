import PlatterCore
import PlatterHTTP

/// A second reading of RFC 9110 section 14, by other means: scalar by scalar, numbers as decimal text,
/// ranges as lists of single positions. Slow, for lengths below 100 only.
enum RangeOracle {
    static func resolve(_ text: String, completeLength: Int) -> RangeResolution {
        guard let members = members(of: text) else { return .whole }
        if completeLength == 0 {
            let hasSuffix = members.contains { $0.left.isEmpty && $0.right.contains { $0 != "0" } }
            return hasSuffix ? .whole : .unsatisfiable
        }
        let asked = members.map { positions($0, completeLength) }.filter { !$0.isEmpty }
        if asked.isEmpty { return .unsatisfiable }
        if asked.count == 1 { return .single(range(asked[0])) }

        let runs = runs(of: Set(asked.joined()).sorted())
        if runs.count == 1 { return .single(range(runs[0])) }
        if runs.count > 8 || asked.map(\.count).reduce(0, +) > completeLength { return .whole }
        var ordered: [[Int]] = []
        for positions in asked {
            for run in runs where run.contains(positions[0]) && !ordered.contains(run) {
                ordered.append(run)
            }
        }
        return .multiple(ordered.map(range))
    }

    private typealias Member = (left: String, right: String)

    private static func members(of text: String) -> [Member]? {
        var unit = ""
        var isInSet = false
        var parts = [""]
        for scalar in strip(text).unicodeScalars {
            if !isInSet {
                if scalar == "=" { isInSet = true } else { unit.unicodeScalars.append(scalar) }
            } else if scalar == "," {
                parts.append("")
            } else {
                parts[parts.count - 1].unicodeScalars.append(scalar)
            }
        }
        let spellings: [Unicode.Scalar: Unicode.Scalar] = [
            "B": "b", "Y": "y", "T": "t", "E": "e", "S": "s",
        ]
        let folded = unit.unicodeScalars.map { spellings[$0] ?? $0 }
        guard isInSet, folded == Array("bytes".unicodeScalars), parts.count <= 64 else {
            return nil
        }
        var members: [Member] = []
        for part in parts.map(strip) where !part.unicodeScalars.isEmpty {
            guard let member = member(part) else { return nil }
            members.append(member)
        }
        return members.isEmpty ? nil : members
    }

    private static func member(_ text: String) -> Member? {
        var sides = [""]
        for scalar in text.unicodeScalars {
            switch scalar {
            case "-": sides.append("")
            case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9":
                sides[sides.count - 1].unicodeScalars.append(scalar)
            default: return nil
            }
        }
        guard sides.count == 2, sides != ["", ""] else { return nil }
        if !sides[0].isEmpty, !sides[1].isEmpty, isGreater(sides[0], sides[1]) { return nil }
        return (sides[0], sides[1])
    }

    private static func isGreater(_ left: String, _ right: String) -> Bool {
        let (left, right) = (canonical(left), canonical(right))
        return left.count == right.count ? left > right : left.count > right.count
    }

    /// Without leading zeros, and at most 2^63 - 1.
    private static func canonical(_ digits: String) -> String {
        let limit = "9223372036854775807"
        let bare = String(digits.drop { $0 == "0" })
        let exceeds = bare.count == limit.count ? bare > limit : bare.count > limit.count
        return exceeds ? limit : bare
    }

    private static func positions(_ member: Member, _ length: Int) -> [Int] {
        let left = small(member.left)
        let right = small(member.right)
        if member.left.isEmpty { return Array((0..<length).suffix(right)) }
        return (0..<length).filter { $0 >= left && (member.right.isEmpty || $0 <= right) }
    }

    private static func small(_ digits: String) -> Int {
        let bare = canonical(digits)
        return bare.count > 4 ? 9999 : Int("0" + bare) ?? 0
    }

    private static func runs(of positions: [Int]) -> [[Int]] {
        var runs: [[Int]] = []
        for position in positions {
            if runs.last?.last == position - 1 {
                runs[runs.count - 1].append(position)
            } else {
                runs.append([position])
            }
        }
        return runs
    }

    private static func range(_ positions: [Int]) -> ByteRange {
        Int64(positions[0])..<Int64(positions[0] + positions.count)
    }

    private static func strip(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        while let last = scalars.last, last == " " || last == "\t" { scalars.removeLast() }
        while let first = scalars.first, first == " " || first == "\t" { scalars.removeFirst() }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }
}
