"""What a saved head may hold beyond what skops trusts by itself."""

TRUSTED_TYPES = (
    "headstart.heads.boosting.Boosting",
    "headstart.heads.gated_fusion.GatedFusion",
    "headstart.heads.late_fusion.LateFusion",
    "headstart.heads.linear_svm.LinearSVM",
    "headstart.heads.logistic.LogisticRegressionPath",
    "headstart.heads.rbf_svm.RBFSVM",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Names of types that skops may load; recent versions of skops trust some of these by themselves."""
