#include "CTOML.h"

// The library as Debian builds it: these two are what its pkg-config file sets.
#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include <toml++/toml.h>

#include <algorithm>
#include <deque>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

struct scangate_toml {
    toml::table root;
    // Texts that the tree does not hold itself: a deque never moves them.
    std::deque<std::string> texts;
    std::vector<scangate_toml_node> nodes;
    std::string error;
    bool failed = false;
    uint32_t line = 0, column = 0;
};

namespace {

// Deeper than any configuration, far from where recursion would end the process.
constexpr int max_depth = 32;

void fail(scangate_toml &document, const char *message, const toml::source_region &where) {
    document.failed = true;
    document.error = message;
    document.line = where.begin.line;
    document.column = where.begin.column;
}

template <typename T>
void keep_as_text(scangate_toml &document, scangate_toml_node &node, const T &value) {
    std::ostringstream stream;
    stream << value;
    document.texts.push_back(stream.str());
    node.kind = SCANGATE_TOML_DATE_TIME;
    node.text = document.texts.back().data();
    node.text_size = document.texts.back().size();
}

void add(scangate_toml &document, const toml::node &value, const toml::key *key, int depth) {
    if (document.failed) return;
    if (depth > max_depth) return fail(document, "nested too deeply", value.source());
    scangate_toml_node node{};
    node.line = value.source().begin.line;
    node.column = value.source().begin.column;
    if (key != nullptr) {
        node.key = key->str().data();
        node.key_size = key->str().size();
        node.key_line = key->source().begin.line;
        node.key_column = key->source().begin.column;
    }
    if (const auto *table = value.as_table()) {
        node.kind = SCANGATE_TOML_TABLE;
        node.children = table->size();
        document.nodes.push_back(node);
        // The table is sorted by name; people expect what they wrote.
        std::vector<std::pair<const toml::key *, const toml::node *>> members;
        for (auto member = table->cbegin(); member != table->cend(); ++member)
            members.emplace_back(&member->first, &member->second);
        std::stable_sort(members.begin(), members.end(), [](const auto &left, const auto &right) {
            const auto a = left.first->source().begin, b = right.first->source().begin;
            return a.line != b.line ? a.line < b.line : a.column < b.column;
        });
        for (const auto &[name, member] : members) add(document, *member, name, depth + 1);
        return;
    }
    if (const auto *array = value.as_array()) {
        node.kind = SCANGATE_TOML_ARRAY;
        node.children = array->size();
        document.nodes.push_back(node);
        for (const auto &element : *array) add(document, element, nullptr, depth + 1);
        return;
    }
    if (const auto *text = value.as_string()) {
        node.kind = SCANGATE_TOML_STRING;
        node.text = text->get().data();
        node.text_size = text->get().size();
    } else if (const auto *integer = value.as_integer()) {
        node.kind = SCANGATE_TOML_INTEGER;
        node.integer = integer->get();
    } else if (const auto *real = value.as_floating_point()) {
        node.kind = SCANGATE_TOML_REAL;
        node.real = real->get();
    } else if (const auto *truth = value.as_boolean()) {
        node.kind = SCANGATE_TOML_BOOLEAN;
        node.integer = truth->get() ? 1 : 0;
    } else if (const auto *date = value.as_date()) {
        keep_as_text(document, node, date->get());
    } else if (const auto *time = value.as_time()) {
        keep_as_text(document, node, time->get());
    } else if (const auto *both = value.as_date_time()) {
        keep_as_text(document, node, both->get());
    }
    document.nodes.push_back(node);
}

}  // namespace

extern "C" scangate_toml *scangate_toml_parse(const char *text, size_t size) {
    auto *document = new (std::nothrow) scangate_toml;
    if (document == nullptr) return nullptr;
    try {
        document->root = toml::parse(std::string_view(text, size));
        add(*document, document->root, nullptr, 0);
    } catch (const toml::parse_error &error) {
        try {
            fail(*document, std::string(error.description()).c_str(), error.source());
        } catch (...) {
            document->failed = true;
        }
    } catch (...) {
        document->failed = true;
    }
    return document;
}

extern "C" void scangate_toml_free(scangate_toml *document) { delete document; }

extern "C" const char *scangate_toml_error(const scangate_toml *document, uint32_t *line, uint32_t *column) {
    if (!document->failed) return nullptr;
    *line = document->line;
    *column = document->column;
    return document->error.c_str();
}

extern "C" const scangate_toml_node *scangate_toml_nodes(const scangate_toml *document, size_t *count) {
    *count = document->failed ? 0 : document->nodes.size();
    return document->nodes.data();
}
