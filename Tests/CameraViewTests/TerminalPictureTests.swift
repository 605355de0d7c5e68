import CameraView
import Imaging
import Testing

@Suite struct TerminalPictureTests {
    private func lines(_ drawer: TerminalPicture, _ image: LumaImage, _ codes: [[(x: Int, y: Int)]] = []) -> [String] {
        drawer.text(image.view, codes: codes).split(separator: "\n").map {
            String($0.replacing("\u{1B}[", with: "^"))
        }
    }

    @Test func `two pixels are a character, in 24 bits or in greys`() {
        let image = Drawing.picture(3, 3) { x, y in [[0, 0, 255], [255, 255, 128], [0, 7, 0]][y][x] }
        #expect(
            lines(TerminalPicture(columns: 80, rows: 24, colours: .full), image) == [
                "^38;2;0;0;0;48;2;255;255;255m▀▀^38;2;255;255;255;48;2;128;128;128m▀^0m",
                "^38;2;0;0;0m▀^38;2;7;7;7m▀^38;2;0;0;0m▀^0m",
            ])
        #expect(
            lines(TerminalPicture(columns: 80, rows: 24, colours: .greys), image) == [
                "^38;5;16;48;5;231m▀▀^38;5;231;48;5;244m▀^0m", "^38;5;16m▀^38;5;232m▀^38;5;16m▀^0m",
            ])
    }

    @Test(
        arguments: [
            (1280, 720, 80, 24, 80, 45), (1280, 720, 80, 10, 35, 19), (720, 1280, 80, 24, 27, 48), (4, 2, 80, 24, 4, 2),
            (1280, 720, 1, 1, 1, 1), (9000, 1, 80, 24, 80, 1), (1, 900, 80, 24, 1, 48), (640, 480, 0, -5, 1, 1),
        ])
    func `a picture fits, its sides in proportion, and is never enlarged`(
        width: Int, height: Int, columns: Int, rows: Int, across: Int, down: Int
    ) {
        let image = Drawing.picture(width, height) { x, y in Double((x + y) % 256) }
        let lines = lines(TerminalPicture(columns: columns, rows: rows, colours: .full), image)
        #expect(lines.count == (down + 1) / 2)
        #expect(lines.allSatisfy { line in line.count { $0 == "▀" } == across })
    }

    @Test func `what is shrunk is the mean`() {
        let image = Drawing.picture(8, 4) { x, _ in x.isMultiple(of: 2) ? 0 : 100 }
        #expect(
            lines(TerminalPicture(columns: 2, rows: 1, colours: .full), image) == ["^38;2;50;50;50m▀▀^0m"])
    }

    @Test func `codes are outlined, whatever their corners`() {
        let image = Drawing.picture(4, 4) { _, _ in 9 }
        let box = [(x: 0, y: 0), (x: 3, y: 0), (x: 3, y: 3), (x: 0, y: 3)]
        #expect(
            lines(TerminalPicture(columns: 4, rows: 2, colours: .full), image, [box]) == [
                "^38;2;0;220;0;48;2;0;220;0m▀^38;2;0;220;0;48;2;9;9;9m▀▀^38;2;0;220;0;48;2;0;220;0m▀^0m",
                "^38;2;0;220;0;48;2;0;220;0m▀^38;2;9;9;9;48;2;0;220;0m▀▀^38;2;0;220;0;48;2;0;220;0m▀^0m",
            ])
        for corners in [[], [(x: 1, y: 1)], [(x: -65_536, y: 65_536), (x: 65_536, y: -65_536)]] {
            _ = lines(TerminalPicture(columns: 4, rows: 2, colours: .greys), image, [corners])
        }
        #expect(
            lines(TerminalPicture(columns: 4, rows: 2, colours: .greys), image, [[(x: 0, y: 0), (x: 3, y: 0)]])[0]
                == "^38;5;40;48;5;232m▀▀▀▀^0m")
    }
}
