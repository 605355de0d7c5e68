internal import Imaging
internal import Model

/// Prepares one picture for its passes; keeps its memory for the next picture, and what passes share for the next pass.
final class Workbench {
    /// The picture: the caller's, or a copy on which what was read is painted over.
    private var picture: LumaView
    private let copy = LumaImage()
    private var isCopied = false
    /// A large picture at half its size, and again.
    private let reduced = [LumaImage(), LumaImage()]
    /// Whether there are so many corner marks in the picture that zxing would try their combinations for minutes.
    private var isTangled = false
    /// At which scales they were counted.
    private var countedScales: [Pass.Scale] = []
    /// How many may be: those of 64 codes. zxing's time grows with their third power, 30 ms for so many.
    private static let mostMarks = 200
    /// How many of the caller's pixels a pixel of `picture` is wide.
    private var factor = 1

    private let third = LumaImage()
    private let half = LumaImage()
    private let quarter = LumaImage()
    private let larger = LumaImage()
    private var thirdIsThere = false
    private var halfIsThere = false

    private let sharp = LumaImage()
    private var sharpScale: Pass.Scale?
    private let binary = LumaImage()
    private var binaryOf: Pass?
    private let inverse = LumaImage()

    init() { picture = copy.view }

    /// Takes a picture, which is to live until the next call or `end`.
    ///
    /// - Parameter longest: pixels of its longer side; it is halved until that is so. nil takes any.
    func begin(_ picture: LumaView, longest: Int?) {
        self.picture = picture
        (isCopied, factor, isTangled) = (false, 1, false)
        countedScales.removeAll(keepingCapacity: true)
        var turn = 0
        while let longest, max(self.picture.width, self.picture.height) > longest {
            reduced[turn].become(halfOf: self.picture)
            self.picture = reduced[turn].view
            (turn, factor) = (1 - turn, factor * 2)
        }
        forget()
    }

    /// Lets go of the caller's picture.
    func end() {
        picture = copy.view
        forget()
    }

    private func forget() {
        (thirdIsThere, halfIsThere, sharpScale, binaryOf) = (false, false, nil, nil)
    }

    /// The picture as a pass wants it, until the next call.
    func prepared(for pass: Pass) -> LumaView {
        var view = binarised(pass)
        if pass.inverted {
            inverse.become(inverseOf: view)
            view = inverse.view
        }
        if pass.decoder == .zbar, !view.isContiguous {
            own()
            view = picture
        }
        return view
    }

    private func binarised(_ pass: Pass) -> LumaView {
        guard let block = pass.block else { return sharpened(pass) }
        // Who reads it and whether it is turned round afterwards makes no other one.
        var wanted = pass
        (wanted.decoder, wanted.inverted) = (.zxing, false)
        if binaryOf != wanted {
            let view = sharpened(pass)
            binary.become(
                thresholdOf: view, block: block.side(in: min(view.width, view.height)), offset: pass.offset)
            binaryOf = wanted
        }
        return binary.view
    }

    private func sharpened(_ pass: Pass) -> LumaView {
        let view = scaled(pass.scale)
        guard pass.sharp else { return view }
        if sharpScale != pass.scale {
            sharp.become(sharpened: view, sigma: 2, amount: 1.5)
            sharpScale = pass.scale
        }
        return sharp.view
    }

    private func scaled(_ scale: Pass.Scale) -> LumaView {
        switch scale {
        case .full: return picture
        case .half:
            if !halfIsThere { half.become(halfOf: picture) }
            halfIsThere = true
            return half.view
        case .quarter:
            quarter.become(halfOf: scaled(.half))
            return quarter.view
        case .third:
            if !thirdIsThere { third.become(thirdOf: picture) }
            thirdIsThere = true
            return third.view
        case .halfMore:
            larger.become(halfMoreOf: picture)
            return larger.view
        case .double:
            larger.become(doubleOf: picture)
            return larger.view
        }
    }

    /// Makes the picture this bench's own, so that it can be painted on and has no gaps.
    private func own() {
        guard !isCopied else { return }
        copy.become(copyOf: picture)
        picture = copy.view
        isCopied = true
    }

    /// A place in what a pass saw as a place in `picture`.
    private func place(_ point: PicturePoint, at scale: Pass.Scale) -> PicturePoint {
        func whole(_ value: Int) -> Int {
            switch scale {
            case .full: value
            case .half: value * 2
            case .third: value * 3
            case .quarter: value * 4
            case .halfMore: value * 2 / 3
            case .double: value / 2
            }
        }
        return PicturePoint(x: whole(point.x), y: whole(point.y))
    }

    /// A place in what a pass saw as a place in the caller's picture.
    func original(_ point: PicturePoint, at scale: Pass.Scale) -> PicturePoint {
        let point = place(point, at: scale)
        return PicturePoint(
            x: min(max(point.x, 0), picture.width - 1) * factor, y: min(max(point.y, 0), picture.height - 1) * factor)
    }

    /// Paints a code over, a little beyond its corners in the caller's picture, so that no later pass finds it again.
    func paint(over corners: [PicturePoint]) {
        guard corners.count == 4 else { return }
        own()
        let corners = corners.map { PicturePoint(x: $0.x / factor, y: $0.y / factor) }
        let x = corners.map(\.x).reduce(0, +) / 4
        let y = corners.map(\.y).reduce(0, +) / 4
        let grown = corners.map { (x: $0.x + ($0.x - x) / 8, y: $0.y + ($0.y - y) / 8) }
        copy.fill(grown, with: 255)
        forget()
    }

    /// Whether zxing is to be kept from the picture: somebody may print a page full of corner marks.
    func isTangled(at scale: Pass.Scale) -> Bool {
        // A larger picture shows no mark that it does not show itself.
        let scale = scale == .halfMore || scale == .double ? .full : scale
        guard !isTangled, !countedScales.contains(scale) else { return isTangled }
        countedScales.append(scale)
        let view = prepared(for: Self.clear(at: scale))
        isTangled = view.finderMarks(step: 2, least: 7, most: Self.mostMarks).count == Self.mostMarks
        return isTangled
    }

    /// Dark is what is darker by more than a camera's noise, in which marks would be seen anywhere.
    private static func clear(at scale: Pass.Scale) -> Pass { Pass(.zxing, scale, .share(0.1), offset: 20) }

    /// Whether the picture shows the corner marks of a code that was not painted over.
    func showsCode() -> Bool {
        FinderMark.holdCode(prepared(for: Self.clear(at: .full)).finderMarks(step: 3, most: 64))
    }
}
