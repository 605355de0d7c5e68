import Posix
import Testing

@testable import Scanners

struct CameraChoiceTests {
    private static func choice(
        _ offers: [VideoOffer], _ rates: [String: [VideoRates]] = [:],
        _ change: (inout CaptureSettings) -> Void = { _ in }
    ) -> String {
        var wish = CaptureSettings()
        change(&wish)
        let choice = CameraChoice(among: offers, wish) { rates["\($0) \($1)"] ?? [] }
        return choice.map { "\($0.format) \($0.size) \(Int($0.rate.rounded()))" } ?? "none"
    }

    private static func offer(_ format: VideoFormat, _ sizes: (Int, Int)...) -> VideoOffer {
        VideoOffer(format: format, sizes: sizes.map { .one(VideoSize($0.0, $0.1)) })
    }

    private static func at(_ rate: Double) -> VideoRates { VideoRates(rate, rate) }

    @Test func `a webcam that is slow without compression is read as JPEG`() {
        let offers = [
            Self.offer(.yuyv, (640, 480), (1280, 720), (1920, 1080)), Self.offer(.mjpg, (640, 480), (1280, 720)),
        ]
        let rates = [
            "YUYV 1280x720": [Self.at(10), Self.at(5)], "MJPG 1280x720": [Self.at(30), Self.at(60)],
            "YUYV 640x480": [Self.at(30)], "MJPG 640x480": [Self.at(30)],
        ]
        #expect(Self.choice(offers, rates) == "MJPG 1280x720 30")
        #expect(Self.choice(offers, rates) { $0.rate = 10 } == "YUYV 1280x720 10")
        #expect(Self.choice(offers, rates) { $0.size = VideoSize(640, 480) } == "YUYV 640x480 30")
        #expect(Self.choice(offers, rates) { $0.format = .yuyv } == "YUYV 1280x720 10")
        #expect(Self.choice(offers, rates) { $0.format = .grey } == "none")
    }

    @Test func `of what is equally fast, what needs least work is taken`() {
        let size = (1280, 720)
        let offers = [
            Self.offer(.mjpg, size), Self.offer(.yuyv, size), Self.offer(.nv12, size), Self.offer(.grey, size),
        ]
        #expect(Self.choice(offers) == "GREY 1280x720 0")
        #expect(Self.choice(Array(offers.prefix(3))) == "NV12 1280x720 0")
        #expect(Self.choice(Array(offers.prefix(2))) == "YUYV 1280x720 0")
    }

    @Test func `29.97 is as good as 30, and the fastest is taken where all are slower`() {
        let offers = [Self.offer(.grey, (1280, 720)), Self.offer(.mjpg, (1280, 720))]
        #expect(
            Self.choice(offers, ["GREY 1280x720": [Self.at(29.97), Self.at(60)], "MJPG 1280x720": [Self.at(30)]])
                == "GREY 1280x720 30")
        #expect(
            Self.choice(offers, ["GREY 1280x720": [Self.at(5)], "MJPG 1280x720": [Self.at(5), Self.at(15)]])
                == "MJPG 1280x720 15")
        #expect(Self.choice(offers, ["GREY 1280x720": [Self.at(60)], "MJPG 1280x720": []]) == "GREY 1280x720 60")
        #expect(Self.choice(offers, ["GREY 1280x720": [VideoRates(1, 120)]]) == "GREY 1280x720 30")
    }

    @Test func `the nearest size is taken, the larger of two that are equally far`() {
        let offers = [Self.offer(.yuyv, (320, 240), (800, 600), (1024, 768), (1600, 1200))]
        #expect(Self.choice(offers) == "YUYV 1024x768 0")
        #expect(Self.choice(offers) { $0.size = VideoSize(2000, 2000) } == "YUYV 1600x1200 0")
        let two = [Self.offer(.yuyv, (1180, 720), (1380, 720))]
        #expect(Self.choice(two) == "YUYV 1380x720 0")
    }

    @Test func `a range of sizes is met in its steps`() {
        func range(_ least: VideoSize, _ most: VideoSize, _ step: (Int, Int)) -> [VideoOffer] {
            [
                VideoOffer(
                    format: .yuyv,
                    sizes: [.range(least: least, most: most, stepWidth: step.0, stepHeight: step.1)])
            ]
        }
        #expect(Self.choice(range(VideoSize(48, 32), VideoSize(4096, 2160), (2, 2))) == "YUYV 1280x720 0")
        #expect(Self.choice(range(VideoSize(32, 32), VideoSize(1000, 500), (16, 16))) == "YUYV 992x496 0")
        #expect(Self.choice(range(VideoSize(1920, 1080), VideoSize(1920, 1080), (0, 0))) == "YUYV 1920x1080 0")
        #expect(Self.choice(range(VideoSize(2, 1), VideoSize(8192, 8192), (1, 1))) == "YUYV 1280x720 0")
    }

    @Test func `a driver that tells no sizes is asked for the wish`() {
        #expect(Self.choice([VideoOffer(format: .grey, sizes: [])]) == "GREY 1280x720 0")
    }

    @Test func `what cannot be read, or is larger than a slot, is not taken`() {
        let h264 = VideoFormat(rawValue: 0x3436_3248)
        #expect(h264.description == "H264")
        #expect(Self.choice([Self.offer(h264, (1280, 720))]) == "none")
        #expect(Self.choice([Self.offer(.mjpg, (8000, 6000))]) == "none")
        #expect(Self.choice([Self.offer(.mjpg, (8000, 6000), (0, 0), (4096, 3072))]) == "MJPG 4096x3072 0")
        #expect(Self.choice([]) == "none")
    }
}
