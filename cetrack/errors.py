"""Every error that cetrack raises on purpose.

::

    CetrackError                     a fact and, where there is one, the next thing to type
    ├─ UsageError                    the request makes no sense                         exit 2
    │  ├─ FilterError                carries the text and the column; prints a caret
   │  ├─ FormulaError               the same of the formula of a derived metric
    │  └─ OutputError                the place asked for cannot be written
    ├─ ReadError                     a source cannot be read                            exit 3
    │  ├─ UnknownFormatError         no reader claims the file
    │  └─ MalformedSourceError       where in the file, and what is wrong there
    ├─ WorkerError                   processes or machines that were to help are lost   exit 4
    └─ StoreError                    the database cannot be used                        exit 4
       ├─ DatabaseUnavailableError   locked, read-only, refused, gone
       ├─ ConflictError              another writer was faster; worth another attempt
       ├─ SchemaOutdatedError        made by an older cetrack
       └─ SchemaTooNewError          made by a newer cetrack

Exit code 0 is success, 1 a negative answer (a check that found something), 130 an interrupt.
"""

from __future__ import annotations


class CetrackError(Exception):
    """Base of all: a one-line message and an optional hint."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CetrackError):
    """The request itself is wrong: an unknown field, a missing path, a contradiction."""

    exit_code = 2


class FilterError(UsageError):
    """A filter cannot be understood.

    ``text`` is the filter as typed, ``column`` the 0-based place of the problem.
    """

    def __init__(self, problem: str, text: str, column: int, *, hint: str | None = None) -> None:
        self.problem = problem
        self.text = text
        self.column = column
        super().__init__(f"filter: {problem}\n  {text}\n  {' ' * column}^", hint=hint)


class FormulaError(UsageError):
    """A formula cannot be understood; ``text`` and ``column`` are as those of a FilterError."""

    def __init__(self, problem: str, text: str, column: int, *, hint: str | None = None) -> None:
        self.problem = problem
        self.text = text
        self.column = column
        super().__init__(f"formula: {problem}\n  {text}\n  {' ' * column}^", hint=hint)


class OutputError(UsageError):
    """A file or folder that was to be written cannot be, or is not ours to replace."""


class ReadError(CetrackError):
    """A source was rejected; the others are not affected."""

    exit_code = 3

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}", hint=hint)


class UnknownFormatError(ReadError):
    """No reader recognises the content."""


class MalformedSourceError(ReadError):
    """The content breaks its own format; ``where`` is a byte, a line or a JSON pointer."""

    def __init__(self, path: str, where: str, problem: str, *, hint: str | None = None) -> None:
        self.where = where
        super().__init__(path, f"{where}: {problem}" if where else problem, hint=hint)


class WorkerError(CetrackError):
    """Other processes or machines could not do their part; what was stored stays."""

    exit_code = 4


class StoreError(CetrackError):
    """The database cannot be used as asked."""

    exit_code = 4


class DatabaseUnavailableError(StoreError):
    """Locked beyond patience, read-only, refused or unreachable."""


class ConflictError(StoreError):
    """Two writers met: this transaction was undone and may be tried again."""


class SchemaOutdatedError(StoreError):
    """The database was made by an older cetrack and has to be upgraded first."""


class SchemaTooNewError(StoreError):
    """The database was made by a newer cetrack than this one."""
