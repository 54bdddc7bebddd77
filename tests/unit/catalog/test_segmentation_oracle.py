"""Overlap losses against plain loops over their definitions, and the identities between them."""

import math
import random

import pytest
import torch

import losslab.functional as L

STEP = 1e-6


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def softmax(scores):
    total = sum(math.exp(s) for s in scores)
    return [math.exp(s) / total for s in scores]


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def sums(p, t, squared):
    """Intersection and the sizes of prediction and target, of one class: lists of the pixels that count."""
    power = 2 if squared else 1
    return (
        sum(a * b for a, b in zip(p, t, strict=True)),
        sum(a**power for a in p),
        sum(b**power for b in t),
    )


def dice(p, t, smooth, squared=False):
    both, first, second = sums(p, t, squared)
    return 1 - (2 * both + smooth) / (first + second + smooth)


def jaccard(p, t, smooth, squared=False):
    both, first, second = sums(p, t, squared)
    return 1 - (both + smooth) / (first + second - both + smooth)


def tversky(p, t, smooth, alpha, beta):
    both = sum(a * b for a, b in zip(p, t, strict=True))
    over = sum(a * (1 - b) for a, b in zip(p, t, strict=True))
    under = sum((1 - a) * b for a, b in zip(p, t, strict=True))
    return 1 - (both + smooth) / (both + alpha * over + beta * under + smooth)


def log_cosh_dice(p, t, smooth, squared=False):
    return math.log(math.cosh(dice(p, t, smooth, squared)))


def focal_tversky(p, t, smooth, alpha, beta, gamma):
    return tversky(p, t, smooth, alpha, beta) ** gamma


def iou_of_mistakes(members, wrong):
    """1 - IoU of the region when just the pixels `wrong` are mistaken."""
    truth = {i for i, member in enumerate(members) if member}
    found = truth.symmetric_difference(wrong)
    return 1 - len(truth & found) / len(truth | found) if truth | found else 0.0


def lovasz(errors, members):
    """The area below the loss of the pixels whose error is above a threshold, as the threshold goes down."""
    value, above = 0.0, set()
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    for i, after in zip(order, [*order[1:], None], strict=True):
        above.add(i)
        below = errors[after] if after is not None else 0.0
        value += (errors[i] - below) * iou_of_mistakes(members, above)
    return value


BY_CLASS = {
    "dice_loss": (dice, [{"smooth": 1e-5}, {"smooth": 1.0}, {"smooth": 0.0, "squared": True}]),
    "jaccard_loss": (jaccard, [{"smooth": 1e-5}, {"smooth": 2.0}, {"smooth": 0.3, "squared": True}]),
    "tversky_loss": (
        tversky,
        [{"smooth": 1e-5, "alpha": 0.5, "beta": 0.5}, {"smooth": 0.4, "alpha": 0.2, "beta": 1.1}],
    ),
    "log_cosh_dice_loss": (log_cosh_dice, [{"smooth": 1e-5}, {"smooth": 3.0, "squared": True}]),
    "focal_tversky_loss": (
        focal_tversky,
        [
            {"smooth": 1e-5, "alpha": 0.3, "beta": 0.7, "gamma": 0.75},
            {"smooth": 1.5, "alpha": 0.6, "beta": 0.1, "gamma": 2.5},
        ],
    ),
}
SIGMOID = {"sigmoid_dice_loss": "dice_loss", "sigmoid_jaccard_loss": "jaccard_loss"}
SIGMOID["sigmoid_tversky_loss"] = "tversky_loss"


def images(seed, classes=3, pixels=5, count=2, spread=2.0):
    rng = random.Random(seed)
    scores = [[[rng.gauss(0, spread) for _ in range(pixels)] for _ in range(classes)] for _ in range(count)]
    labels = [[rng.randrange(classes) for _ in range(pixels)] for _ in range(count)]
    keep = [[rng.random() < 0.75 for _ in range(pixels)] for _ in range(count)]
    return scores, labels, keep


def class_table(scores, labels, keep, of_class):
    """The loss of each image and class, from a function of the probabilities and memberships of kept pixels."""
    table = []
    for image, truth, kept in zip(scores, labels, keep, strict=True):
        pixels = [i for i in range(len(truth)) if kept[i]]
        p = [softmax([row[i] for row in image]) for i in range(len(truth))]
        soft = isinstance(truth[0], list)
        own = [[truth[i][c] if soft else float(truth[i] == c) for i in pixels] for c in range(len(image))]
        table.append([of_class([p[i][c] for i in pixels], own[c]) for c in range(len(image))])
    return table


def slopes(function, scores):
    """Central differences of the sum of a table of nested lists by every score."""

    def total(table):
        return sum(total(row) for row in table) if isinstance(table, list) else table

    found = []
    for image in scores:
        found.append([])
        for row in image:
            found[-1].append([])
            for i, was in enumerate(row):
                row[i] = was + STEP
                up = total(function(scores))
                row[i] = was - STEP
                down = total(function(scores))
                row[i] = was
                found[-1][-1].append((up - down) / (2 * STEP))
    return found


def value_and_slopes(loss, scores, *args, **options):
    x = double(scores).requires_grad_()
    value = loss(x, *args, reduction="none", **options)
    return value.detach().tolist(), torch.autograd.grad(value.sum(), x)[0].tolist()


def same(found, expected, tolerance=1e-12):
    torch.testing.assert_close(double(found), double(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", BY_CLASS)
def test_classes_by_a_plain_loop(name):
    definition, settings = BY_CLASS[name]
    for seed, params in enumerate(settings):
        scores, labels, keep = images(seed)

        def table(s, labels=labels, keep=keep, params=params):
            return class_table(s, labels, keep, lambda p, t: definition(p, t, **params))

        target, mask = torch.tensor(labels), torch.tensor(keep)
        found = value_and_slopes(getattr(L, name), scores, target, mask=mask, **params)
        same(found[0], table(scores))
        same(found[1], slopes(table, scores), 2e-8)
        marked = torch.where(mask, target, 255).to(torch.uint8)
        assert value_and_slopes(getattr(L, name), scores, marked, ignore_index=255, **params) == found


@pytest.mark.parametrize("name", BY_CLASS)
def test_soft_targets_and_probabilities_by_a_plain_loop(name):
    definition, settings = BY_CLASS[name]
    scores, _, keep = images(7)
    soft = [[softmax([random.Random(k + 9 * i).gauss(0, 1) for k in range(3)]) for i in range(5)] for _ in scores]
    params = settings[-1]
    target = double(soft).movedim(-1, 1)
    expected = class_table(scores, soft, keep, lambda p, t: definition(p, t, **params))
    loss, mask = getattr(L, name), torch.tensor(keep)
    same(loss(double(scores), target, mask=mask, reduction="none", **params).tolist(), expected)
    p = double(scores).softmax(1)
    same(loss(p, target, mask=mask, reduction="none", from_logits=False, **params).tolist(), expected)


@pytest.mark.parametrize("name", SIGMOID)
def test_channels_by_a_plain_loop(name):
    definition, settings = BY_CLASS[SIGMOID[name]]
    for seed, params in enumerate(settings):
        scores, _, _ = images(seed + 20)
        rng = random.Random(seed)
        target = [[[float(rng.random() < 0.5) for _ in row] for row in image] for image in scores]
        target[0][1] = [0.25, 1.0, 0.5, 0.0, 0.75]
        keep = [[[rng.random() < 0.7 for _ in row] for row in image] for image in scores]

        def table(s, target=target, keep=keep, params=params):
            return [
                [
                    definition(
                        *zip(*[(sigmoid(x), y) for x, y, k in zip(*rows, strict=True) if k], strict=True), **params
                    )
                    for rows in zip(*image, strict=True)
                ]
                for image in zip(s, target, keep, strict=True)
            ]

        found = value_and_slopes(getattr(L, name), scores, double(target), mask=torch.tensor(keep), **params)
        same(found[0], table(scores))
        same(found[1], slopes(table, scores), 2e-8)


@pytest.mark.parametrize("weighting", ["square", "simple", "uniform"])
@pytest.mark.parametrize("smooth", [0.0, 0.7])
def test_generalized_dice_by_a_plain_loop(weighting, smooth):
    scores, labels, keep = images(3, pixels=8)
    labels[0] = [2, 2, 0, 2, 2, 0, 2, 2]  # class 1 is not there
    keep[0] = [True] * 7 + [False]
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    own = [0.5, 2.0, 1.25]

    def table(s):
        values = []
        for parts in class_table(s, labels, keep, lambda p, t: sums(p, t, False)):
            there = [size for _, _, size in parts if size > 0]
            w = [own[c] * (min(there) / size if size else 1) ** power for c, (_, _, size) in enumerate(parts)]
            top = sum(a * (f + g - 2 * b) for a, (b, f, g) in zip(w, parts, strict=True))
            values.append(top / (sum(a * (f + g) for a, (_, f, g) in zip(w, parts, strict=True)) + smooth))
        return values

    found = value_and_slopes(
        L.generalized_dice_loss, scores, torch.tensor(labels), mask=torch.tensor(keep), smooth=smooth,
        weighting=weighting, weight=double(own),
    )  # fmt: skip
    same(found[0], table(scores))
    same(found[1], slopes(table, scores), 2e-8)


def test_weights_and_present_classes():
    scores, labels, keep = images(5)
    labels[0] = [0, 0, 2, 0, 0]
    keep[0][2] = False  # the only pixel of class 2
    table = class_table(scores, labels, keep, lambda p, t: dice(p, t, 0.5))
    there = class_table(scores, labels, keep, lambda p, t: float(sum(t) > 0))
    assert there[0] == [1, 0, 0]
    own = [0.5, 2.0, 1.25]
    given = {"mask": torch.tensor(keep), "smooth": 0.5, "weight": double(own)}
    for classes, counts in (("all", [[1.0] * 3] * 2), ("present", there)):
        pairs = [
            (w * c, loss) for row, values in zip(counts, table, strict=True)
            for w, c, loss in zip(own, row, values, strict=True)
        ]  # fmt: skip
        expected = sum(w * loss for w, loss in pairs) / sum(w for w, _ in pairs)
        found = L.dice_loss(double(scores), torch.tensor(labels), classes=classes, **given)
        assert found.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_lovasz_softmax_by_its_definition(classes):
    own = [0.5, 2.0, 1.25]
    for seed in range(6):
        scores, labels, keep = images(seed, pixels=7)
        labels[1] = [0, 2, 2, 0, 0, 2, 2]

        def table(s, labels=labels, keep=keep):
            def of_class(p, t):
                return lovasz([abs(a - b) for a, b in zip(p, t, strict=True)], t), sum(t) > 0 or classes == "all"

            values = []
            for image in class_table(s, labels, keep, of_class):
                pairs = [(w * c, loss) for w, (loss, c) in zip(own, image, strict=True)]
                values.append(sum(w * loss for w, loss in pairs) / sum(w for w, _ in pairs))
            return values

        found = value_and_slopes(
            L.lovasz_softmax_loss, scores, torch.tensor(labels), mask=torch.tensor(keep), classes=classes,
            weight=double(own),
        )  # fmt: skip
        same(found[0], table(scores))
        same(found[1], slopes(table, scores), 2e-8)


def test_lovasz_hinge_by_its_definition():
    for seed in range(6):
        scores, labels, keep = images(seed, classes=1, pixels=9)
        truth = [[y % 2 if seed else 0 for y in range(seed, seed + 9)] for _ in labels]
        if seed == 5:
            truth[0] = [1] * 9

        def table(s, truth=truth, keep=keep):
            return [
                lovasz(*zip(*[(max(0, 1 - x * (2 * y - 1)), y) for x, y, k in zip(image[0], t, kept, strict=True) if k],
                            strict=True))
                for image, t, kept in zip(s, truth, keep, strict=True)
            ]  # fmt: skip

        x = double(scores).requires_grad_()
        target, mask = torch.tensor(truth), torch.tensor(keep)
        value = L.lovasz_hinge_loss(x[:, 0], target, mask=mask, reduction="none")
        same(value.tolist(), table(scores))
        same(torch.autograd.grad(value.sum(), x)[0].tolist(), slopes(table, scores), 2e-8)
        marked = torch.where(mask, target, 255)
        assert L.lovasz_hinge_loss(x[:, 0], marked, ignore_index=255, reduction="none").tolist() == value.tolist()


def test_at_zeros_and_ones_both_lovasz_losses_are_one_minus_iou():
    rng = random.Random(2)
    truth = [rng.randrange(2) for _ in range(20)]
    guess = [rng.randrange(2) for _ in range(20)]
    wrong = {i for i in range(20) if truth[i] != guess[i]}
    jaccard_of_yes = iou_of_mistakes(truth, wrong)
    jaccard_of_no = iou_of_mistakes([1 - y for y in truth], wrong)
    p = torch.stack([1 - double(guess), double(guess)])[None]
    target = torch.tensor([truth])
    found = L.lovasz_softmax_loss(p, target, from_logits=False).item()
    assert found == pytest.approx((jaccard_of_yes + jaccard_of_no) / 2, rel=1e-12)
    hinge = L.lovasz_hinge_loss(2 * double([guess]) - 1, target).item()
    assert hinge == pytest.approx(2 * jaccard_of_yes, rel=1e-12)  # a wrong score of 1 is wrong by 2
    sharp = L.jaccard_loss(p, target, smooth=0.0, from_logits=False).item()
    assert sharp == pytest.approx((jaccard_of_yes + jaccard_of_no) / 2, rel=1e-12)


def test_boundary_by_a_plain_loop():
    scores, _, keep = images(4)
    rng = random.Random(1)
    distance = [[[rng.gauss(0, 3) for _ in row] for row in image] for image in scores]
    own = [1.0, 0.0, 2.5]
    top = bottom = 0.0
    for image, far, kept in zip(scores, distance, keep, strict=True):
        for i in range(len(kept)):
            p = softmax([row[i] for row in image])
            for c in range(3):
                top += kept[i] * own[c] * p[c] * far[c][i]
                bottom += kept[i] * own[c]
    given = {"mask": torch.tensor(keep), "weight": double(own)}
    found = L.boundary_loss(double(scores), double(distance), **given)
    assert found.item() == pytest.approx(top / bottom, rel=1e-12)
    assert L.boundary_loss(double(scores), double(distance)).item() == pytest.approx(
        (double(scores).softmax(1) * double(distance)).mean().item(), rel=1e-12
    )
    best = torch.where(double(distance) == double(distance).amin(1, keepdim=True), 60.0, 0.0)
    assert L.boundary_loss(best, double(distance)).item() == pytest.approx(
        double(distance).amin(1).sum().item() / double(distance).numel(), rel=1e-12
    )


def test_identities():
    scores, labels, keep = images(11)
    x, y, given = double(scores), torch.tensor(labels), {"mask": torch.tensor(keep), "reduction": "none"}
    loss = L.dice_loss(x, y, smooth=0.6, **given)
    same(L.tversky_loss(x, y, smooth=0.3, **given).tolist(), loss.tolist())
    same(L.tversky_loss(x, y, alpha=1, beta=1, **given).tolist(), L.jaccard_loss(x, y, **given).tolist())
    focal = L.focal_tversky_loss(x, y, alpha=0.2, beta=0.4, gamma=1, **given)
    same(focal.tolist(), L.tversky_loss(x, y, alpha=0.2, beta=0.4, **given).tolist())
    bare = L.dice_loss(x, y, smooth=0.0, **given)
    same(L.jaccard_loss(x, y, smooth=0.0, **given).tolist(), (2 * bare / (1 + bare)).tolist())
    one = (y == 1).double().unsqueeze(1)
    odds = (x[:, 1] - torch.logsumexp(x[:, [0, 2]], 1)).unsqueeze(1)
    mask = given["mask"].unsqueeze(1)
    alone = L.sigmoid_dice_loss(odds, one, smooth=0.6, mask=mask, reduction="none")
    same(alone[:, 0].tolist(), loss[:, 1].tolist())
    whole = L.dice_loss(x.transpose(0, 1).flatten(1)[None], y.flatten()[None], smooth=0.0, reduction="none")
    p = x.softmax(1)
    for c in range(3):
        t = (y == c).double()
        expected = 1 - 2 * (p[:, c] * t).sum() / (p[:, c].sum() + t.sum())
        assert whole[0, c].item() == pytest.approx(expected.item(), rel=1e-12)
    both = L.dice_loss(x, y) + L.cross_entropy(x, y)
    assert both.item() == L.dice_loss(x, y).item() + torch.nn.functional.cross_entropy(x, y).item()
