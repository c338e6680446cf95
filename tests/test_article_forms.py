"""The forms of an article in the programs that people use: copied from the page and pasted in a browser and
in an editor of the kind that publishing platforms have, opened as a Word file, printed to PDF.

`make check-article` installs what these tests need (packages.txt, group [article]; the editor's files
come from PyPI into build/article). Without it each test skips and says what is missing. CRUMB_ARTICLE may name
a folder that `crumb article` wrote; otherwise the article is one of a made-up study.
"""

import contextlib
import functools
import hashlib
import html
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree

import browser
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import fake_study  # noqa: E402
from harness import BINARY, ROOT, CrumbTest, run

spec = importlib.util.spec_from_file_location("bench_lint", ROOT / "tools" / "bench_lint.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

INDENT = "\u3000\u3000"
UEDITOR = pathlib.Path(os.environ.get("CRUMB_UEDITOR", ROOT / "build" / "article" / "ueditor" / "static" / "ueditor"))
TEXT_SIZE = 12  # points of the Word file's text
LEFT_MARGIN = 90  # points
LINE_PITCH = 21

# What a reader sees of each block below an element: where its first character stands, what is bold, how it is set.
LOOK = r"""
(root => {
  const view = root.ownerDocument.defaultView;
  const isBlock = e => /^(block|list-item|flex)$/.test(view.getComputedStyle(e).display);
  const blocks = [...root.querySelectorAll('*')].filter(e => isBlock(e) &&
      ![...e.querySelectorAll('*')].some(isBlock) && e.textContent.trim() !== '');
  return blocks.map(block => {
    const style = view.getComputedStyle(block);
    const walk = root.ownerDocument.createTreeWalker(block, view.NodeFilter.SHOW_TEXT);
    let bold = '', first = null, sizes = new Set(), fonts = new Set(), colours = new Set();
    for (let node; node = walk.nextNode();) {
      const of = view.getComputedStyle(node.parentElement);
      if (+of.fontWeight >= 600) bold += node.data;
      sizes.add(of.fontSize); fonts.add(of.fontFamily); colours.add(of.color);
      const at = node.data.search(/[^\s\u3000]/);
      if (first === null && at >= 0) {
        const range = root.ownerDocument.createRange();
        range.setStart(node, at); range.setEnd(node, at + 1);
        first = range.getBoundingClientRect().left;
      }
    }
    const box = block.getBoundingClientRect();
    return {text: block.textContent, bold: bold.trim(), indent: first - box.left - parseFloat(style.paddingLeft),
            size: [...sizes].join(), font: [...fonts].join(), colour: [...colours].join(),
            line: style.lineHeight, align: style.textAlign.replace('start', 'left'),
            margin: style.marginTop + ' ' + style.marginBottom, left: style.marginLeft};
  });
})"""

EDITOR_PAGE = """<!DOCTYPE html><meta charset="utf-8"><body><div id="rich" contenteditable style="width:560px"></div>
<textarea id="plain" rows="4"></textarea></body>"""
UEDITOR_PAGE = """<!DOCTYPE html><meta charset="utf-8"><body><div id="editor" style="width:600px;height:300px"></div>
<script src="/ueditor.config.js"></script><script src="/ueditor.all.js"></script><script src="/lang/zh-cn/zh-cn.js"></script>
<script>window.editor = UE.getEditor('editor', {serverUrl: '', autoHeightEnabled: false});
editor.ready(() => { window.editorReady = true; });</script></body>"""


def write_article(folder):
    """An article of a made-up study, by the program."""
    if not os.access(BINARY, os.X_OK):
        raise unittest.SkipTest(f"{BINARY} is not built")
    fake_study.write(folder / "ledger.db", fake_study.scenario("usual").rows)
    done = run("article", folder / "ledger.db", "-o", folder / "article")
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return folder / "article"


def folder_of_all():
    """A folder that goes when the last test of this file is done."""
    folder = tempfile.mkdtemp(prefix="crumb article ")  # with a space
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    return pathlib.Path(folder)


@functools.cache
def sample():
    return write_article(folder_of_all())


@functools.cache
def converted(source, form, *options):
    """What LibreOffice makes of a file."""
    office, out = needs("soffice", "libreoffice-writer-nogui"), folder_of_all()
    subprocess.run([office, f"-env:UserInstallation={(out / 'profile').as_uri()}", "--headless", *options, "--convert-to", form,
                    "--outdir", out, source], check=True, capture_output=True, timeout=180)
    return out / f"{source.stem}.{form}"


def needs(program, package):
    path = shutil.which(program)
    if not path:
        raise unittest.SkipTest(f"needs {program} of {package} (make check-article installs it)")
    return path


def python_with_docx():
    """An interpreter that has python-docx; Debian's package is for Debian's own."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import docx"], capture_output=True).returncode == 0:
            return python
    raise unittest.SkipTest("needs python-docx (package python3-docx; make check-article installs it)")


class Forms(CrumbTest):
    """Where the article lies, and what it has to say: one line for each block."""

    def setUp(self):
        super().setUp()
        given = os.environ.get("CRUMB_ARTICLE")
        self.forms = pathlib.Path(given) if given else sample()
        text = bench.normalized((self.forms / "article.txt").read_text())
        self.lines = text.split("\n")


class Page(Forms):
    """The page in Chromium: the button, and what arrives where it is pasted."""

    def setUp(self):
        super().setUp()
        self.browser = browser.Browser()
        self.addCleanup(self.browser.close)

    @contextlib.contextmanager
    def served(self, pages, folder=None):
        """An address below which `pages` (name -> HTML) and the files of `folder` are."""
        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                if self.path.lstrip("/") not in pages:
                    return super().do_GET()
                content = pages[self.path.lstrip("/")].encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass
        handler = functools.partial(Handler, directory=str(folder or self.folder))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()

    def open_article(self, before=""):
        """The page from disk, as a visitor opens it; its blocks as they look there."""
        page = self.browser.open((self.forms / "article.html").as_uri(), 600, 900)
        if before:
            page.run(before)
        look = page.run(f"{LOOK}(document.getElementById('crumb-article'))")
        self.assertEqual([block["text"].removeprefix(INDENT) for block in look], self.lines)
        return page, look

    def copy(self, page):
        page.click("#copy")
        message = page.wait("document.getElementById('state').textContent")
        self.assertIn("已复制", message)

    def assert_same(self, arrived, look, font=True):
        """Paragraph by paragraph: text, indent, bold, size, line height, colour, margins, font."""
        self.assertEqual([block["text"] for block in arrived], [block["text"] for block in look])
        for got, wanted in zip(arrived, look):
            place = got["text"][:20]
            for key in ("bold", "size", "line", "colour", "align", "margin", *(["font"] if font else [])):
                self.assertEqual(got[key], wanted[key], f"{place}: {key}")
            # Two characters of the paragraph's size; justified lines stretch them by less than a quarter of one.
            em = float(got["size"].removesuffix("px"))
            indent = 2 * em if got["text"].startswith(INDENT) else 0
            self.assertGreaterEqual(got["indent"], indent - 0.5, place)
            self.assertLess(got["indent"], indent + em / 4, place)

    def paste_everywhere(self, page, look):
        with self.served({"editor.html": EDITOR_PAGE}) as address:
            editor = self.browser.open(f"{address}/editor.html")
            editor.click("#rich")
            editor.paste()
            editor.wait("document.getElementById('rich').textContent")
            self.assert_same(editor.run(f"{LOOK}(document.getElementById('rich'))"), look)
            editor.click("#plain")
            editor.paste()
            text = editor.wait("document.getElementById('plain').value")
        self.assertEqual(text, "\n\n".join(block["text"] for block in look))

    def test_the_button_copies_what_arrives_unchanged_in_an_editable_page_and_a_text_field(self):
        page, look = self.open_article()
        self.copy(page)
        self.paste_everywhere(page, look)

    def test_the_button_works_by_keyboard_and_a_second_time(self):
        page, _ = self.open_article()
        page.key("Tab", "Tab", 9)
        self.assertEqual(page.run("document.activeElement.id"), "copy")
        for _ in range(2):
            page.run("document.getElementById('state').textContent = ''")
            page.call("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Enter", "code": "Enter",
                                                 "windowsVirtualKeyCode": 13, "text": "\r"})
            page.call("Input.dispatchKeyEvent", {"type": "keyUp", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13})
            self.assertIn("已复制", page.wait("document.getElementById('state').textContent"))

    def test_where_the_copy_command_is_refused_the_clipboard_interface_takes_its_place(self):
        page, look = self.open_article("document.execCommand = () => false")
        self.copy(page)
        self.paste_everywhere(page, look)

    def test_where_both_are_refused_the_article_is_selected_and_the_page_says_which_keys_to_press(self):
        page, look = self.open_article("document.execCommand = () => false; navigator.clipboard.write = () => Promise.reject()")
        page.click("#copy")
        self.assertIn("Ctrl+C", page.wait("document.getElementById('state').textContent"))
        page.copy()
        with self.served({"editor.html": EDITOR_PAGE}) as address:
            editor = self.browser.open(f"{address}/editor.html")
            editor.click("#plain")
            editor.paste()
            text = editor.wait("document.getElementById('plain').value")
        self.assertEqual([line for line in text.split("\n") if line.strip()], [block["text"] for block in look])

    def test_what_arrives_in_ueditor_keeps_indent_bold_font_and_line_height(self):
        if not (UEDITOR / "ueditor.all.js").exists():
            self.skipTest("needs the files of PyPI's django-ueditor (make check-article fetches them)")
        page, look = self.open_article()
        self.copy(page)
        with self.served({"editor.html": UEDITOR_PAGE}, UEDITOR) as address:
            editor = self.browser.open(f"{address}/editor.html")
            editor.wait("window.editorReady")
            editor.run("editor.focus()")
            editor.paste()
            editor.wait("editor.getContentTxt().length > 100")
            self.assert_same(editor.run(f"{LOOK}(editor.body)"), look)
            # What the editor would save, read by a page that has nothing of the editor.
            saved = editor.run("editor.getContent()")
        with self.served({"saved.html": f'<!DOCTYPE html><meta charset="utf-8"><div id="rich" style="width:560px">{saved}</div>'}) as address:
            reader = self.browser.open(f"{address}/saved.html")
            self.assert_same(reader.run(f"{LOOK}(document.getElementById('rich'))"), look)

    def test_at_phone_width_nothing_is_cut_off_and_the_preview_can_be_switched_off_on_a_desk(self):
        page, _ = self.open_article()
        page.resize(390, 844)
        self.assertLessEqual(page.run("document.documentElement.scrollWidth"), 390)
        page.resize(1280, 900)
        width = "document.querySelector('main').getBoundingClientRect().width"
        self.assertEqual(page.run(width), 390)
        page.click("#phone")
        self.assertEqual(page.run(width), 677)
        self.assertEqual(page.run("document.getElementById('phone').getAttribute('aria-pressed')"), "false")

    def test_the_page_asks_for_nothing_outside_itself(self):
        page, _ = self.open_article()
        self.assertEqual(page.run("performance.getEntriesByType('resource').length"), 0)


class Word(Forms):
    """The Word file in LibreOffice and python-docx."""

    def pdf(self):
        return converted(self.forms / "article.docx", "pdf")

    def pdf_lines(self):
        """(text without spaces, left edge, distance to the line above) of each line in points, in reading order."""
        needs("pdftotext", "poppler-utils")
        out = self.folder / "lines.html"
        subprocess.run(["pdftotext", "-bbox-layout", self.pdf(), out], check=True)
        space = "{http://www.w3.org/1999/xhtml}"
        lines = []
        for page in ElementTree.parse(out).getroot().iter(f"{space}page"):
            above = None
            for line in page.iter(f"{space}line"):
                words, top = list(line.iter(f"{space}word")), float(line.get("yMin"))
                lines.append(("".join(word.text for word in words), min(float(word.get("xMin")) for word in words),
                              None if above is None else top - above))
                above = top
        return lines

    def test_libreoffice_shows_all_text_and_indents_each_paragraph_by_two_characters(self):
        lines = self.pdf_lines()
        edges = {}
        for line in self.lines:
            text = re.sub(r"\s", "", line)
            starts = [x for begin, x, _ in lines if begin[:8] == text[:8] or (len(begin) < 8 and text.startswith(begin))]
            self.assertTrue(starts, f"not found in the PDF: {text[:20]}")
            edges[line] = starts[0]
        self.assertGreater(sum(line.endswith("。") for line in self.lines), 10)
        for line in self.lines[1:]:
            indent = 2 * TEXT_SIZE if line.endswith("。") else 0
            self.assertAlmostEqual(edges[line], LEFT_MARGIN + indent, delta=1.5, msg=line[:20])

    def test_libreoffice_sets_the_lines_of_a_paragraph_at_the_margin_and_21_points_apart(self):
        begins = {re.sub(r"\s", "", line)[:8] for line in self.lines}
        following = [(text, x, down) for text, x, down in self.pdf_lines()
                     if text[:8] not in begins and abs(x - LEFT_MARGIN) < 1.5 and down is not None]
        self.assertGreater(len(following), 10)
        for text, _, down in following:
            self.assertAlmostEqual(down, LINE_PITCH, delta=0.2, msg=text)

    def test_libreoffice_shows_bold_what_is_bold_and_nothing_else(self):
        needs("pdftohtml", "poppler-utils")
        done = subprocess.run(["pdftohtml", "-xml", "-i", "-stdout", self.pdf()], check=True, capture_output=True, text=True)
        shown = re.sub(r"\s", "", "".join(re.findall(r"<b>(.*?)</b>", done.stdout)))
        source = (self.forms / "article.html").read_text()
        article = re.search(r'<section id="crumb-article">(.*?)</section>', source, re.S).group(1)
        bold = "".join(html.unescape(piece) for piece in re.findall(r"<strong[^>]*>(.*?)</strong>", article))
        self.assertEqual(shown, re.sub(r"\s", "", bold))

    def test_python_docx_reads_text_styles_indents_bold_figures_and_properties(self):
        python = python_with_docx()
        script = """
import docx, json, sys
d = docx.Document(sys.argv[1])
print(json.dumps({
  "paragraphs": [[p.text, p.style.name, p.paragraph_format.first_line_indent and p.paragraph_format.first_line_indent.pt,
                  "".join(r.text for r in p.runs if r.bold)] for p in d.paragraphs],
  "figures": [[s.width.cm, s.height.cm] for s in d.inline_shapes], "title": d.core_properties.title,
  "author": d.core_properties.author, "tags": d.core_properties.keywords,
  "fonts": d.styles.element.xpath("w:docDefaults//w:rFonts/@w:eastAsia"),
  "language": d.styles.element.xpath("w:docDefaults//w:lang/@w:eastAsia")}))"""
        done = subprocess.run([python, "-c", script, self.forms / "article.docx"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        read = json.loads(done.stdout)
        body = [p for p in read["paragraphs"] if p[1] not in ("Figure", "Caption")]
        self.assertEqual([p[0] for p in body], self.lines)
        self.assertEqual(body[0][1], "Title")
        for text, style, indent, _ in body:
            self.assertEqual(indent, 2 * TEXT_SIZE if style == "Normal" else None, text)
            self.assertEqual(style == "Normal", text.endswith("。"), text)
        captions = [p for p in read["paragraphs"] if p[1] == "Caption"]
        self.assertEqual(len(captions), len(read["figures"]))
        self.assertEqual(len(list(self.forms.rglob("*.png"))), len(read["figures"]))
        self.assertEqual(read["title"], self.lines[0])
        self.assertEqual(read["author"], "")
        self.assertIn("wechat", read["tags"])
        self.assertEqual((read["fonts"], read["language"]), (["SimSun"], ["zh-CN"]))


    def test_the_copied_blocks_keep_their_look_where_a_word_processor_takes_html(self):
        python = python_with_docx()
        page = (self.forms / "article.html").read_text()
        blocks = re.search(r'<section id="crumb-article">(.*?)</section>', page, re.S).group(1).replace("\n", "")
        (self.folder / "pasted.html").write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{blocks}</body>')
        arrived = converted(self.folder / "pasted.html", "docx", "--infilter=HTML (StarWriter)")
        script = """
import docx, json, sys
print(json.dumps([{"text": p.text, "left": p.paragraph_format.left_indent, "line": p.paragraph_format.line_spacing,
                   "bold": "".join(r.text for r in p.runs if r.bold), "sizes": sorted({r.font.size.pt for r in p.runs}),
                   "fonts": sorted(set(p._p.xpath("w:r/w:rPr/w:rFonts/@w:eastAsia")))}
                  for p in docx.Document(sys.argv[1]).paragraphs if p.text.strip()]))"""
        done = subprocess.run([python, "-c", script, arrived], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        arrived = json.loads(done.stdout)
        self.assertEqual([block["text"].removeprefix(INDENT) for block in arrived], self.lines)
        for block in arrived:
            indented = block["text"].startswith(INDENT)
            self.assertEqual(indented, block["text"].endswith("。"), block["text"])
            self.assertIsNone(block["left"], block["text"])
            self.assertIn("Noto Sans CJK SC", "".join(block["fonts"]))
            if indented:
                self.assertEqual((block["line"], block["sizes"]), (1.75, [12.0]), block["text"])
            else:
                self.assertEqual(block["bold"], block["text"])
        self.assertTrue(any(block["bold"] for block in arrived if block["text"].startswith(INDENT)))


class Files(Forms):
    """What needs no other program."""

    def test_every_picture_has_its_side_file_with_its_hash_and_ids(self):
        pictures = list(self.forms.rglob("*.png"))
        self.assertTrue(pictures)
        for picture in pictures:
            side = json.loads(picture.with_suffix(".json").read_text())
            self.assertEqual(side["format"], "crumb-article-figure")
            self.assertEqual(side["sha256"], hashlib.sha256(picture.read_bytes()).hexdigest())
            self.assertTrue(side["evidence"])

    def test_all_files_are_the_same_bytes_a_second_time(self):
        if os.environ.get("CRUMB_ARTICLE"):
            self.skipTest("the article is given (CRUMB_ARTICLE)")
        second = write_article(self.folder)
        names = sorted(str(path.relative_to(second)) for path in second.rglob("*") if path.is_file())
        self.assertIn("figures/quality.png", names)
        self.assertIn("article.docx", names)
        for name in names:
            self.assertEqual((self.forms / name).read_bytes(), (second / name).read_bytes(), name)

    def test_the_linter_finds_no_error_in_page_and_word_file(self):
        for form in ("article.html", "article.docx"):
            done = run("lint", self.forms / form, "--trace", self.forms / "article.trace.json", "--ledger", self.forms)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("0 errors, 0 warnings", done.stdout)
        # It does see another text: one character of the page less.
        page = (self.forms / "article.html").read_text()
        (self.folder / "a.html").write_text("</p>".join(page.rsplit("。</p>", 1)))
        done = run("lint", self.folder / "a.html", "--trace", self.forms / "article.trace.json", "--ledger", self.forms)
        self.assertIn("R56-trace-hash", done.stdout)

    def test_every_row_of_a_picture_is_in_the_ledger_beside_it(self):
        export = run("ledger", "export", "--ledger", self.forms).stdout
        rows = {json.loads(line)["id"] for line in export.splitlines()}
        self.assertTrue(rows)
        for side in self.forms.rglob("figures/*.json"):
            for row in json.loads(side.read_text())["evidence"]:
                self.assertIn(row, rows)



if __name__ == "__main__":
    unittest.main()
