// Writes the forms of the sample article into $CRUMB_ARTICLE_SAMPLE, for
// tests/test_article_forms.py, which opens them with other programs. Skips where that is not set.
#include <gtest/gtest.h>

#include <cstdlib>

#include "article/article_for_test.h"
#include "article/figures.h"
#include "article/render_docx.h"
#include "article/render_html.h"
#include "publish/fake_study.h"

namespace crumb::article {
namespace {

TEST(SampleForms, AreWrittenWhereTheyAreAskedFor) {
  const char* folder = std::getenv("CRUMB_ARTICLE_SAMPLE");
  if (folder == nullptr) GTEST_SKIP() << "CRUMB_ARTICLE_SAMPLE is not set";
  Document document = SampleDocument();
  Result<std::vector<Figure>> figures = DrawFigures(FakeStudy::Methods().rows, {});
  ASSERT_TRUE(figures.ok()) << figures.status().message();
  document.figures = *figures;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder, name), bytes).ok());
  };
  const Result<std::string> docx = RenderDocx(document);
  ASSERT_TRUE(docx.ok()) << docx.status().message();
  write("article.docx", *docx);
  write("article.html", RenderHtml(document));
  write("normalized.txt", NormalizedText(document));
  for (const Figure& figure : *figures) {
    write(figure.name + ".png", figure.png);
    write(figure.name + ".json", FigureSideFile(figure));
  }
}

}  // namespace
}  // namespace crumb::article
