#include "CZXing.h"

#define ZX_USE_UTF8
#include <ZXing/ReadBarcode.h>

#include <new>
#include <string>
#include <vector>

using ZXing::BarcodeFormat;

#define SAME(ours, theirs) \
    static_assert(static_cast<int>(ours) == static_cast<int>(BarcodeFormat::theirs), "ZXing/BarcodeFormat.h")
SAME(SCANGATE_ZXING_AZTEC, Aztec);
SAME(SCANGATE_ZXING_CODABAR, Codabar);
SAME(SCANGATE_ZXING_CODE39, Code39);
SAME(SCANGATE_ZXING_CODE93, Code93);
SAME(SCANGATE_ZXING_CODE128, Code128);
SAME(SCANGATE_ZXING_DATABAR, DataBar);
SAME(SCANGATE_ZXING_DATABAR_EXPANDED, DataBarExpanded);
SAME(SCANGATE_ZXING_DATAMATRIX, DataMatrix);
SAME(SCANGATE_ZXING_EAN8, EAN8);
SAME(SCANGATE_ZXING_EAN13, EAN13);
SAME(SCANGATE_ZXING_ITF, ITF);
SAME(SCANGATE_ZXING_PDF417, PDF417);
SAME(SCANGATE_ZXING_QR, QRCode);
SAME(SCANGATE_ZXING_MICROQR, MicroQRCode);

namespace {

struct Code {
    scangate_zxing_code plain{};
    ZXing::ByteArray bytes;
    std::string text;
};

bool is_ascii(const ZXing::ByteArray &bytes) {
    for (auto byte : bytes)
        if (byte >= 0x80) return false;
    return true;
}

// The text, where the code itself says how each byte is to be read: by an ECI, or by kanji mode. Bytes of which it does
// not are read in the character set that is given; where two such sets make no difference, there are none.
bool own_text(const ZXing::Result &result, std::string &text) {
    const auto type = result.contentType();
    if (type == ZXing::ContentType::UnknownECI) return false;
    // An ECI may also say that bytes are none.
    if (result.hasECI() && (type == ZXing::ContentType::Binary || type == ZXing::ContentType::Mixed)) return false;
    if (is_ascii(result.bytes())) {
        text.assign(result.bytes().begin(), result.bytes().end());
        return true;
    }
    auto one = result, other = result;
    text = one.setCharacterSet("ISO8859_1").text();
    return text == other.setCharacterSet("Cp437").text();
}

Code make(const ZXing::Result &result) {
    Code code;
    code.bytes = result.bytes();
    code.plain.symbology = static_cast<uint32_t>(result.format());
    const auto &corners = result.position();
    for (int index = 0; index < 4; index++) {
        code.plain.x[index] = corners[index].x;
        code.plain.y[index] = corners[index].y;
    }
    code.plain.part = code.plain.parts = -1;
    if (result.isPartOfSequence()) {
        code.plain.part = result.sequenceIndex();
        code.plain.parts = result.sequenceSize();
    }
    const auto aim = result.symbologyIdentifier();
    for (size_t index = 0; index < aim.size() && index < 3; index++) code.plain.aim[index] = aim[index];
    // Marks the text as there; its address is filled in when it no longer moves.
    if (own_text(result, code.text)) code.plain.text = "";
    return code;
}

}  // namespace

struct scangate_zxing {
    std::vector<Code> codes;
};

scangate_zxing *scangate_zxing_make(void) { return new (std::nothrow) scangate_zxing; }

void scangate_zxing_free(scangate_zxing *reader) { delete reader; }

int scangate_zxing_read(scangate_zxing *reader, const uint8_t *luma, int width, int height, int stride,
                        scangate_zxing_wish wish) {
    reader->codes.clear();
    try {
        ZXing::BarcodeFormats formats;
        for (uint32_t bit = 1; bit != 0 && bit <= static_cast<uint32_t>(BarcodeFormat::_max); bit <<= 1)
            if (wish.symbologies & bit) formats.setFlag(static_cast<BarcodeFormat>(bit));
        // No kind at all would mean every kind.
        if (formats.empty()) return 0;
        ZXing::DecodeHints hints;
        hints.setFormats(formats)
            .setTryHarder(wish.try_harder != 0)
            .setTryRotate(wish.try_harder != 0)
            .setTryDownscale(wish.try_smaller != 0)
            .setBinarizer(wish.binarizer == SCANGATE_ZXING_BINARY   ? ZXing::Binarizer::FixedThreshold
                          : wish.binarizer == SCANGATE_ZXING_GLOBAL ? ZXing::Binarizer::GlobalHistogram
                                                                    : ZXing::Binarizer::LocalAverage);
        const ZXing::ImageView image(luma, width, height, ZXing::ImageFormat::Lum, stride);
        for (const auto &result : ZXing::ReadBarcodes(image, hints))
            if (result.isValid()) reader->codes.push_back(make(result));
        return static_cast<int>(reader->codes.size());
    } catch (...) {
        reader->codes.clear();
        return -1;
    }
}

scangate_zxing_code scangate_zxing_get(const scangate_zxing *reader, int index) {
    const Code &code = reader->codes[static_cast<size_t>(index)];
    scangate_zxing_code plain = code.plain;
    plain.data = code.bytes.data();
    plain.size = code.bytes.size();
    if (plain.text != nullptr) {
        plain.text = code.text.data();
        plain.text_size = code.text.size();
    }
    return plain;
}
