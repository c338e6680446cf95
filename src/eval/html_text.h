// Paragraphs of an (X)HTML page as plain text.
#ifndef CRUMB_EVAL_HTML_TEXT_H_
#define CRUMB_EVAL_HTML_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// The text of each <p> element in order, without its tags, character references decoded. White
// space becomes one blank, and nothing where a line was broken between two characters that are not
// ASCII (Chinese is written without blanks). <pre>, <script> and <style> are left out. Any bytes
// are accepted; an unclosed paragraph ends with the next one or with the page.
std::vector<std::string> HtmlParagraphs(std::string_view html);

}  // namespace crumb

#endif  // CRUMB_EVAL_HTML_TEXT_H_
