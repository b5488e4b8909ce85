r"""LaTeX: how a table looks, and that no name can be more than text."""

from __future__ import annotations

import math
import re
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetrack.report import Column, Format, Kind, Section, Spread, Table, render, render_sections
from cetrack.report.tex import escaped
from tests.report.papers import HOSTILE, awkward_text, of_texts, paper, texts

EXPECTED = r"""% needs \usepackage{booktabs} in the preamble
\begin{tabular}{@{}lrrr@{}}
  \toprule
   & \multicolumn{1}{c}{FP32} & \multicolumn{2}{c}{INT8} \\
  \cmidrule(lr){2-2} \cmidrule(l){3-4}
  Model             &           Accuracy $\uparrow$ &          Latency mean (ms) $\downarrow$ & Accuracy drop $\downarrow$ \\
  \midrule
  \textbf{resnet18} &  {\boldmath$0.912 \pm 0.003$} &             $12.50 \pm \phantom{0}0.25$ &        {\boldmath$-0.001$} \\
  vit\_tiny         & $0.888\phantom{{} \pm 0.003}$ &                      $104.21 \pm 11.00$ &                    $0.000$ \\
  a \& b            &                            -- & {\boldmath$3.14\phantom{{} \pm 11.00}$} &                    $0.020$ \\
  \bottomrule
  \addlinespace
  \multicolumn{4}{@{}l@{}}{\footnotesize Mean $\pm$ standard deviation over 5 seeds.} \\
\end{tabular}
% cetrack table --filter 'precision=int8'
% revision 12
"""  # noqa: E501
# whatever the names, nothing but this is ever told to TeX
LAYOUT = {
    *("begin", "end", "toprule", "midrule", "bottomrule", "cmidrule", "multicolumn"),
    *("addlinespace", "footnotesize", "textbf", "boldmath", "phantom", "pm", "times", "infty"),
    *("mathrm", "usepackage", "uparrow", "downarrow"),
}
SIGNS = {
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
    *("char", "ss", "ae", "AE", "oe", "OE", "o", "O", "l", "L", "i", "j", "S", "P", "copyright"),
    *("pounds", "dag", "ddag", "dots", "textendash", "textemdash", "textquoteleft"),
    *("textquoteright", "textquotedblleft", "textquotedblright", "textexclamdown"),
    *("textquestiondown", "u", "r", "H", "v", "c", "d", "b", "circ", "alpha", "beta", "gamma"),
    *("delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi"),
    *("pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta"),
    *("Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "div", "cdot"),
    *("bullet", "leq", "geq", "neq", "approx", "surd", "partial", "sum", "leftarrow"),
    *("rightarrow", "leftrightarrow", "Rightarrow", "in", "neg"),
}
TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|(.)", re.DOTALL)


def written(*cells: object, kind: Kind = Kind.NUMBER) -> list[str]:
    """The cells of one column, as they are in the source."""
    made = Column(name="x", kind=kind)
    table = Table(columns=(made,), rows=tuple((cell,) for cell in cells))  # type: ignore[arg-type]
    body = render(table, Format.LATEX).partition("\\midrule\n")[2].partition("  \\bottomrule")[0]
    return [line.removesuffix(r"\\").strip() for line in body.splitlines()]


def check_fragment(fragment: str) -> None:
    """Fails unless TeX would read the fragment as one table of plain text and numbers."""
    lines = [line for line in fragment.split("\n") if not line.startswith("%")]
    depth, in_math = 0, False
    for name, symbol, char in TOKEN.findall("\n".join(lines)):
        if name:
            assert name in LAYOUT | SIGNS
        elif symbol:
            assert symbol in "_%&#{}$\\`'^~=.\"", symbol
        elif char == "$":
            in_math = not in_math
        elif char in "^_":
            assert in_math
        else:
            assert char not in "%#~"
            assert char == "\n" or 32 <= ord(char) < 127
        depth += (char == "{") - (char == "}")
        assert depth >= 0
        assert char != "\n" or (depth == 0 and not in_math)
    assert (depth, in_math) == (0, False)
    for line in lines:
        assert r"\\" not in line.removesuffix(r"\\").replace(r"\textbackslash", "")


def test_a_table_for_a_paper() -> None:
    assert render(paper(), Format.LATEX) == EXPECTED
    check_fragment(EXPECTED)


def test_numbers_are_set_as_mathematics() -> None:
    odd = written(1.2e-5, -1.5e20, math.inf, -math.inf, math.nan, None, -3, True)

    assert odd == [
        r"$1.2\times10^{-5}$",
        r"$-1.5\times10^{20}$",
        r"$\infty$",
        r"$-\infty$",
        r"$\mathrm{NaN}$",
        "--",
        "$-3$",
        "yes",
    ]


def test_a_spread_beyond_decimals_has_exponents() -> None:
    assert written(Spread(1.25e-7, 1.5e-10), 0.5) == [
        r"$1.25\times10^{-7} \pm 1.5\times10^{-10}$",
        "$0.5$",
    ]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("resnet18_v2 50%", r"resnet18\_v2 50\%"),
        (r"#1 {a} $b$ \c ^~&", r"\#1 \{a\} \$b\$ \textbackslash{}c "
         r"\textasciicircum{}\textasciitilde{}\&"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("[1pt]*", "{[}1pt]{*}"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("''``,,?`", "'{}'`{}`,{},?{}`"),
        ("Müller ï ñ Å ç ő š ż", r"M\"{u}ller \"{\i} \~{n} \r{A} \c{c} \H{o} \v{s} \.{z}"),
        ("e\u0301", r"\'{e}"),
        ("µs ±3° 10² → ∞", r"$\mu$s $\pm$3$^{\circ}$ 10$^{2}$ $\rightarrow$ $\infty$"),
        ("日本", r"\textbackslash{}u65e5\textbackslash{}u672c"),
        ("\u202eabc\n", r"\textbackslash{}u202eabc\textbackslash{}n"),
        ("\ud800🚀", r"\textbackslash{}ud800\textbackslash{}U0001f680"),
    ],
)  # fmt: skip
def test_a_text_has_no_meaning_to_tex(text: str, source: str) -> None:
    assert escaped(text) == source


@given(st.text(string.printable[:95]))
def test_ascii_is_set_as_it_is(text: str) -> None:
    """Undo what is documented of each command: nothing is lost and nothing is added."""
    names = {
        r"\textbackslash{}": "\0",
        r"\textasciitilde{}": "~",
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\char34{}": '"',
        "{[}": "[",
        "{*}": "*",
        "{}": "",
    }
    source = escaped(text)
    for command, char in names.items():
        source = source.replace(command, char)
    assert re.sub(r"\\([_%&#{}$])", r"\1", source).replace("\0", "\\") == text


@given(texts)
def test_no_text_escapes(names: list[str]) -> None:
    table = of_texts(names)
    sections = [Section(key="", title=names[0], table=table)]

    check_fragment(render(table, Format.LATEX))
    assert render(table, Format.LATEX).count(r"\begin{tabular}") == 1
    assert r"\begin{tabular}" in render_sections(sections, Format.LATEX)


@given(awkward_text)
def test_a_row_has_as_many_cells_as_columns(text: str) -> None:
    table = Table(
        columns=(Column(name=text), Column(name="n", kind=Kind.NUMBER)), rows=((text, 1.0),) * 2
    )
    rows = [line for line in render(table, Format.LATEX).splitlines() if line.endswith(r"\\")]

    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [1, 1, 1]


@given(texts)
def test_nothing_ends_a_comment(lines: list[str]) -> None:
    plain = Table(columns=(Column(name="x"),), rows=())
    table = Table(columns=(Column(name="x"),), rows=(), provenance=tuple(lines))
    # what TeX and editors take for the end of a line
    ends = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
    comments = render(table, Format.LATEX).removeprefix(render(plain, Format.LATEX))

    assert all(line.startswith("% ") for line in ends.split(comments) if line)
    assert all(len(line) <= 100 for line in comments.splitlines())


def test_sections_are_tables_under_titles() -> None:
    pairs = Table(columns=(Column(name="name"), Column(name="value")), rows=(("uid", "a_1"),))
    sections = [
        Section(key="", title="run a_1", table=pairs, is_mapping=True),
        Section(key="metrics", title="", table=pairs),
    ]

    assert render_sections(sections, Format.LATEX) == (
        "% needs \\usepackage{booktabs} in the preamble\n"
        "\\par\\medskip\\noindent\\textbf{run a\\_1}\\par\n"
        "\\smallskip\\noindent\n"
        "\\begin{tabular}{@{}ll@{}}\n"
        "  \\toprule\n"
        "  uid  & a\\_1  \\\\\n"
        "  \\bottomrule\n"
        "\\end{tabular}\n"
        "\\smallskip\\noindent\n"
        "\\begin{tabular}{@{}ll@{}}\n"
        "  \\toprule\n"
        "  name & value \\\\\n"
        "  \\midrule\n"
        "  uid  & a\\_1  \\\\\n"
        "  \\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_long_notes_stay_within_the_table() -> None:
    note = "one two three four five six seven eight nine ten eleven twelve"
    table = Table(columns=(Column(name="x"),), rows=(("a",),), notes=(note,))

    lines = re.findall(r"\\footnotesize (.*)} \\\\", render(table, Format.LATEX))

    assert len(lines) == 2
    assert " ".join(lines) == note


# --- pdflatex -----------------------------------------------------------------------------------

DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}%s
\usepackage{booktabs,graphicx}
\begin{document}
\begin{table}\caption{Hostile}\centering\input{table}\end{table}
\clearpage\noindent\resizebox{\linewidth}{!}{\input{table}}
\clearpage\input{sections}
\end{document}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("fonts", ["", r"\usepackage[T1]{fontenc}"], ids=["OT1", "T1"])
def test_pdflatex_sets_every_name(tmp_path: Path, fonts: str) -> None:
    every = [chr(code) for code in (*range(0x2C00), *range(0x1F300, 0x1F700), 0xD800, 0xFFFF)]
    names = ["".join(every[start : start + 40]) for start in range(0, len(every), 40)]
    pages = [
        Table(columns=(Column(name="x"),), rows=tuple((name,) for name in names[at : at + 40]))
        for at in range(0, len(names), 40)
    ]
    sections = [Section(key="", title=HOSTILE[0], table=table) for table in [paper(), *pages]]
    (tmp_path / "table.tex").write_text(render(of_texts(list(HOSTILE)), Format.LATEX))
    (tmp_path / "sections.tex").write_text(render_sections(sections, Format.LATEX))
    (tmp_path / "paper.tex").write_text(DOCUMENT % fonts)

    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=300,
        check=False,
    )

    log = (tmp_path / "paper.log").read_text("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    assert "Missing character" not in log
    assert "LaTeX Error" not in log
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
