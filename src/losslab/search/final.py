"""The winner of a study, trained once more: the model that is kept."""

from typing import TYPE_CHECKING

from torch import Tensor

from losslab.search.problem import score_needs, thresholds_for, validation_values
from losslab.train.early import Watch
from losslab.train.member import Member
from losslab.train.saved import SavedModel
from losslab.train.session import Session

if TYPE_CHECKING:
    from losslab.search.study import Study


def train_winner(study: "Study", loss: str) -> SavedModel:
    """One training of a finalist's configuration on the training part, with the study's seed; a threshold is fitted on
    validation rows for this model alone.

    Raises RuntimeError where the training broke, `Stopped` when it was asked to stop.
    """
    problem, options, folds = study.problem, study.options, study.folds
    configuration, rows = study.finalist[loss].configuration, study.problem.split.validation
    epochs = configuration.epochs or options.most_epochs
    record = study.records[loss]
    member = folds.member(
        configuration, record, number=0, seed=options.seed, fold=0, batch_size=options.first_batch_size, epochs=epochs
    )

    def values(members: list[Member], outputs: Tensor) -> Tensor:
        return validation_values(folds, members, outputs, rows)

    watch = Watch(rows, values, problem.metric.higher_is_better)
    session = Session(study.assembly, [member], stop=study.hooks.stop, watch=watch)
    session.advance(epochs)
    if session.broken:
        raise RuntimeError(f"the last training of {loss} broke: {session.broken[0].why}")
    ((_, outputs),) = session.predict(rows)
    score = folds.read([member], outputs, score_needs(problem.metric))
    threshold = None if score is None else thresholds_for(problem.metric, score, problem.y_seen[rows])
    configured = {"params": dict(configuration.params), "optimizer": configuration.optimizer, **configuration.hyper}
    return SavedModel.of(
        session.populations[0].module(0), study.model, study.table, folds.prepared[0], name=study.factory.name,
        outputs=member.objective.outputs, link=member.objective.link, loss=loss, metric=problem.metric.name,
        architecture=member.architecture, threshold=threshold,
        made={
            "data": study.data.data, "trained_with": configured, "settings": dict(configuration.settings),
            "epochs": epochs, "seed": options.seed, "versions": study.data.versions,
        },
    )  # fmt: skip
