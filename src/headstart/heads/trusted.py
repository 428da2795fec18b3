"""What a saved head may hold beyond what skops trusts by itself."""

TRUSTED_TYPES = (
    "headstart.heads.boosting.Boosting",
    "headstart.heads.boosting_regression.BoostingRegression",
    "headstart.heads.gated_fusion.GatedFusion",
    "headstart.heads.late_fusion.LateFusion",
    "headstart.heads.linear_svm.LinearSVM",
    "headstart.heads.logistic.LogisticRegressionPath",
    "headstart.heads.rbf_svm.RBFSVM",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Names of types that skops may load; recent versions of skops trust some of these by themselves."""
