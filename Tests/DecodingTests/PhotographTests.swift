import Decoding
import Imaging
import Model
import Scenes
import TestSupport
import Testing

@Suite(.oneThread) struct PhotographTests {
    /// How many photographs of a folder show exactly the text beside them, and how many there are.
    static func recall(_ folder: String) throws -> (right: Int, all: Int) {
        var reader = try CodeReader()
        var right = 0
        let names = TestData.names(in: folder)
        for name in names {
            let picture = try TestData.picture("\(folder)/\(name).png")
            let codes = try reader.read(picture.view, effort: .still)
            let text = TestData.text("\(folder)/\(name).txt")
            if codes.contains(where: { $0.text == text }) { right += 1 }
        }
        return (right, names.count)
    }

    @Test func `of 137 photographs at least 112 show exactly their text`() throws {
        var (right, all) = (0, 0)
        for number in 1...6 {
            let folder = try Self.recall("qr/qrcode-\(number)")
            (right, all) = (right + folder.right, all + folder.all)
        }
        #expect(all == 137)
        #expect(right >= 112, "\(right)")
    }

    @Test func `nothing is read where no code is`() throws {
        var reader = try CodeReader()
        let names = TestData.names(in: "qr/falsepositives")
        #expect(names.count >= 11)
        for name in names {
            let picture = try TestData.picture("qr/falsepositives/\(name).png")
            for effort in [.still] + (0..<5).map({ CodeReader.Effort.frame($0) }) {
                let codes = try reader.read(picture.view, effort: effort)
                #expect(codes.isEmpty, "\(name) \(codes)")
            }
        }
    }

    @Test func `four codes on a page are four`() throws {
        var reader = try CodeReader()
        let picture = try TestData.picture("qr/multi-qrcode-1/1.png")
        for effort in [CodeReader.Effort.still, .frame(0), .frame(3)] {
            let codes = try reader.read(picture.view, effort: effort)
            #expect(Set(codes.compactMap(\.text)).count == 4 && codes.count == 4)
        }
    }

    @Test func `a text that is spread over codes comes in its parts`() throws {
        var reader = try CodeReader()
        var text = ""
        for (index, name) in TestData.names(in: "qr/qrcode-7").enumerated() {
            let picture = try TestData.picture("qr/qrcode-7/\(name).png")
            let codes = try reader.read(picture.view, effort: .still)
            try #require(codes.count == 1)
            #expect(codes[0].part == CodePart(index: index, count: 4))
            text += codes[0].text ?? ""
        }
        #expect(text == TestData.text("qr/qrcode-7/01.txt"))
    }
}
