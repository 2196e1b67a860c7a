"""Everything that can go wrong, as one tree, and what each branch becomes for the visitor.

WidgetError
├── SettingError        the operator's settings do not make sense    -> the command stops and names the setting
├── UpstreamError       somebody else's server let us down           -> the source grows older, the list still answers
│   ├── UpstreamDown        no answer, or not in time
│   ├── UpstreamThrottled   asked to slow down for longer than we wait
│   ├── UpstreamRefused     our request or our credentials were refused
│   ├── UpstreamMalformed   an answer that cannot be read to its end
│   └── UpstreamRepeats     the same rows again and again in one answer
├── SnapshotError       a version on disk cannot be trusted          -> the previous version keeps serving
│   ├── SnapshotCorrupt     bytes differ from their manifest
│   ├── SnapshotMissing     there is no such version
│   └── GuardRail           a new version is too different to be true   -> refused at publication
└── ForecastError       the forecast stops before it writes          -> the previous release stays
    ├── InputsRefused       what we were given cannot be used, with each reason and remedy
    ├── StageDamaged        a folder of the pipeline is not what its manifest says
    ├── StageMissing        a command needs what an earlier one makes
    ├── GateRed             a release is too different or not good enough to be published
    └── Leak                a training would have seen what it is tested on

A visitor's own mistake is not an exception: parsing returns every `Problem` at once (see query.py).
"""


class WidgetError(Exception):
    """Base of everything this package raises on purpose."""


class SettingError(WidgetError):
    """A setting has a value that cannot work; the message names it and says what would."""


class UpstreamError(WidgetError):
    """An upstream could not be read; `upstream` names it, the message says what happened."""

    def __init__(self, upstream: str, message: str) -> None:
        super().__init__(f"{upstream}: {message}")
        self.upstream = upstream


class UpstreamDown(UpstreamError):
    """No answer, or none in time."""


class UpstreamThrottled(UpstreamError):
    """The upstream asks us to wait longer than a sync may."""


class UpstreamRefused(UpstreamError):
    """The upstream understood us and said no (4xx); `status` is its code, `said` its own words."""

    def __init__(self, upstream: str, status: int, said: str) -> None:
        super().__init__(upstream, f"refused with {status}: {said or 'no explanation'}")
        self.status = status
        self.said = said


class UpstreamMalformed(UpstreamError):
    """The answer is not what the contract says, or stops in the middle."""


class UpstreamRepeats(UpstreamError):
    """One answer holds the same rows again and again: nothing that this upstream counts can be believed."""


class SnapshotError(WidgetError):
    """A version on disk cannot be used."""


class SnapshotCorrupt(SnapshotError):
    """The bytes on disk are not those that the manifest describes."""


class SnapshotMissing(SnapshotError):
    """The shelf holds no such version."""


class GuardRail(SnapshotError):
    """A new version was refused because it is too different from the previous one."""


class ForecastError(WidgetError):
    """The offline forecast stops; nothing of it was published."""


class InputsRefused(ForecastError):
    """The input tables cannot be used; `problems` says why, one sentence each with its remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Leak(ForecastError):
    """A training origin has labels that were not known on the day of the test."""


class StageDamaged(ForecastError):
    """A folder of the pipeline is not what its manifest says; it is never used."""


class StageMissing(ForecastError):
    """A command needs what an earlier one makes; the message names the command to run first."""


class JobEnded(ForecastError):
    """A process of the bench ended before it was done."""


class GateRed(ForecastError):
    """A gate said no; the message is the whole table of gates, and the previous release stays."""
