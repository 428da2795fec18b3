"""One label a row out of several classes."""

from headstart.tasks.task import Task

TASK = Task(
    name="classification",
    metric="macro_f1",
    reported=("macro_f1", "accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc"),
    classic_backbones={
        "image": "colour_histogram",
        "text": "word_ngrams",
        "audio": "audio_vector",
        "video": "frames/colour_histogram",
        "table": "columns",
        "series": "random_convolutions",
    },
    classic_heads={
        "text": ("tfidf_linear",),
        "table": ("logistic", "boosting", "rbf_svm", "neighbours"),
        "series": ("ridge", "logistic"),
    },
    baseline_heads=("prototypes", "logistic", "neighbours"),
)
