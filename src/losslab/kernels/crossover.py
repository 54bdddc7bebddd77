"""Below how many elements of the input torch's own operator is faster than a kernel."""

# Rounded from times of forward and backward in float32, on one thread with AVX-512. A kernel's gradient comes through
# Python, which costs some microseconds that one operator of torch does not; a loss that is not here has no operator, or
# one that is slower at every size.
BELOW = {
    "binary_cross_entropy_with_logits": 8 * 1024,
    "cross_entropy": 64 * 1024,
    "huber_loss": 32 * 1024,
    "mse_loss": 32 * 1024,
    "multi_margin_loss": 64 * 64,
    "nll_loss": 64 * 1024,
    "smooth_l1_loss": 32 * 1024,
}


def below(name: str) -> int:
    return BELOW.get(name, 0)
