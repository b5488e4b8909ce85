"""Names in a logdir that cetrack has written: the export makes them, the reader knows them again.

Pure. ``<logdir>/.cetrack-export.json`` lists the files, ``runs/`` holds the runs, and ``_hparams/``
what a logdir has once: the columns of the HPARAMS table and the layout of CUSTOM SCALARS.
"""

from __future__ import annotations

PREFIX = "events.out.tfevents."
SUFFIX = ".cetrack"
FILE_VERSION = "brain.Event:2"
MARKER = ".cetrack-export.json"
EXPERIMENT_RUN = "_hparams"
PLOTS_RUN = "plots"
DERIVED_GROUP = "derived"  # of the tags of what follows from measured numbers
CARD_TAG = "card"
# of a session
FIELDS = (  # in the order in which they matter to a reader
    "model",
    "precision",
    "method",
    "kind",
    "device",
    "batch_size",
    "dataset",
    "input_shape",
    "library",
    "category",
    "experiment",
)
PARAM_PREFIX = "param."  # before the name of a param that is a field's
CARD_RUN = "#### Run"  # the heading of the table of facts
# of a card: label → column of the runs view
CARD_FACTS = (
    ("experiment", "experiment"),
    ("model", "model"),
    ("description", "model_description"),
    ("library", "library"),
    ("category", "category"),
    ("input shape", "input_shape"),
    ("precision", "precision"),
    ("kind", "kind"),
    ("method", "method"),
    ("variant", "variant"),
    ("dataset", "dataset"),
    ("split", "split"),
    ("batch size", "batch_size"),
    ("seed", "seed"),
    ("device", "device"),
    ("accelerator", "accelerator"),
    ("runtime", "runtime"),
    ("runtime version", "runtime_version"),
    ("host", "host"),
    ("started", "started_at"),
    ("finished", "finished_at"),
    ("status", "status"),
    ("reason", "status_reason"),
    ("commit", "git_commit"),
    ("baseline", "baseline_uid"),
    ("baseline chosen by", "baseline_rule"),
)
