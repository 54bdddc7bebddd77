// Adam and its relatives: a running mean of the gradient, divided by what its sizes lately were.
#include "updates.h"

namespace losslab {
namespace {

enum AdamHyper { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, MOMENTUM_DECAY };

template <class T> void adam_update(const UpdateBlock<T> &b, bool amsgrad, bool maximize, bool apart) {
    const double *h = b.hyper, lr = h[LR] * b.lr_factor;
    const double root = std::sqrt(1 - std::pow(h[BETA2], b.step));
    const Gradient<T> gradient(maximize, apart ? 0 : h[WEIGHT_DECAY]);
    const Mean<T> mean(1 - h[BETA1]), mean_square(1 - h[BETA2]);
    const T decay = T(apart ? 1 - lr * h[WEIGHT_DECAY] : 1), eps = T(h[EPS] * root);
    const T rate = T(lr * root / (1 - std::pow(h[BETA1], b.step)));
    if (amsgrad)
        each(b, b.state[0], b.state[1], b.state[2], CHANGE(T &param, T grad, T &m, T &v, T &largest) {
            const T g = gradient(grad, param);
            m = mean(m, g);
            v = mean_square(v, g * g);
            largest = larger_or_nan(largest, v);
            param = decay * param - rate * (m / (sqrt_(largest) + eps));
        });
    else
        each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &m, T &v) {
            const T g = gradient(grad, param);
            m = mean(m, g);
            v = mean_square(v, g * g);
            param = decay * param - rate * (m / (sqrt_(v) + eps));
        });
}

template <class T> void adam(const UpdateBlock<T> &b) {  // amsgrad, maximize, decoupled_weight_decay
    adam_update(b, b.options & 1, b.options & 2, b.options & 4);
}

template <class T> void adamw(const UpdateBlock<T> &b) {  // amsgrad, maximize
    adam_update(b, b.options & 1, b.options & 2, true);
}

template <class T> void nadam(const UpdateBlock<T> &b) {  // decoupled_weight_decay, maximize
    const double *h = b.hyper, lr = h[LR] * b.lr_factor;
    const bool apart = b.options & 1;
    const double root = std::sqrt(1 - std::pow(h[BETA2], b.step));
    const double now = h[BETA1] * (1 - 0.5 * std::pow(0.96, b.step * h[MOMENTUM_DECAY]));
    const double next = h[BETA1] * (1 - 0.5 * std::pow(0.96, (b.step + 1) * h[MOMENTUM_DECAY]));
    const Gradient<T> gradient(b.options & 2, apart ? 0 : h[WEIGHT_DECAY]);
    const Mean<T> mean(1 - h[BETA1]), mean_square(1 - h[BETA2]);
    const T decay = T(apart ? 1 - lr * h[WEIGHT_DECAY] : 1), eps = T(h[EPS] * root), rate = T(lr * root);
    const T mu = T(now), mu_next = T(next), rest = T(1 - now);
    each(b, b.state[0], b.state[1], b.state[2], CHANGE(T &param, T grad, T &m, T &v, T &product) {
        const T g = gradient(grad, param);
        m = mean(m, g);
        v = mean_square(v, g * g);
        product = product * mu;
        const T ahead = g * (rest / (T(1) - product)) + m * (mu_next / (T(1) - product * mu_next));
        param = decay * param - rate * (ahead / (sqrt_(v) + eps));
    });
}

constexpr double LONG_ENOUGH = 5;  // squared gradients in the mean, before RAdam divides by their root

template <class T> void radam(const UpdateBlock<T> &b) {  // decoupled_weight_decay, maximize
    const double *h = b.hyper, lr = h[LR] * b.lr_factor;
    const bool apart = b.options & 1;
    const double faded = std::pow(h[BETA2], b.step), longest = 2 / (1 - h[BETA2]) - 1;
    const double length = longest - 2 * b.step * faded / (1 - faded);
    const Gradient<T> gradient(b.options & 2, apart ? 0 : h[WEIGHT_DECAY]);
    const Mean<T> mean(1 - h[BETA1]), mean_square(1 - h[BETA2]);
    const T decay = T(apart ? 1 - lr * h[WEIGHT_DECAY] : 1), eps = T(h[EPS]);
    const T rate = T(lr / (1 - std::pow(h[BETA1], b.step)));
    if (!(length > LONG_ENOUGH)) {
        each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &m, T &v) {
            const T g = gradient(grad, param);
            m = mean(m, g);
            v = mean_square(v, g * g);
            param = decay * param - rate * m;
        });
        return;
    }
    const double square = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length);
    const T factor = T(std::sqrt(square * (1 - faded)));
    each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &m, T &v) {
        const T g = gradient(grad, param);
        m = mean(m, g);
        v = mean_square(v, g * g);
        param = decay * param - rate * (m / (sqrt_(v) + eps) * factor);
    });
}

template <class T> void adamax(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper, lr = h[LR] * b.lr_factor;
    const Gradient<T> gradient(b.options & 1, h[WEIGHT_DECAY]);
    const Mean<T> mean(1 - h[BETA1]);
    const T fading = T(h[BETA2]), eps = T(h[EPS]), rate = T(lr / (1 - std::pow(h[BETA1], b.step)));
    each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &m, T &u) {
        const T g = gradient(grad, param);
        m = mean(m, g);
        u = larger_or_nan(u * fading, abs_(g) + eps);
        param = param - rate * (m / u);
    });
}

template <class T> void sparse_adam(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper, lr = h[LR] * b.lr_factor;
    const double root = std::sqrt(1 - std::pow(h[BETA2], b.step));
    const Mean<T> mean(1 - h[BETA1]), mean_square(1 - h[BETA2]);
    const T sign = b.options & 1 ? T(-1) : T(1), eps = T(h[EPS]);
    const T rate = T(lr * (root / (1 - std::pow(h[BETA1], b.step))));
    each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &m, T &v) {
        const T g = sign * grad;
        const bool present = grad != 0;
        m = present ? mean(m, g) : m;
        v = present ? mean_square(v, g * g) : v;
        const T moved = param - rate * (m / (sqrt_(v) + eps));
        param = present ? moved : param;
    });
}

}  // namespace

#define BOTH(function) function<float>, function<double>
#define BETAS "lr,beta1,beta2,eps"
const UpdateEntry MOMENT_RULES[] = {
    {"adam", BETAS ",weight_decay", "amsgrad,maximize,decoupled_weight_decay", "exp_avg,exp_avg_sq,max_exp_avg_sq",
     BOTH(adam)},
    {"adamw", BETAS ",weight_decay", "amsgrad,maximize", "exp_avg,exp_avg_sq,max_exp_avg_sq", BOTH(adamw)},
    {"nadam", BETAS ",weight_decay,momentum_decay", "decoupled_weight_decay,maximize",
     "exp_avg,exp_avg_sq,mu_product", BOTH(nadam)},
    {"radam", BETAS ",weight_decay", "decoupled_weight_decay,maximize", "exp_avg,exp_avg_sq", BOTH(radam)},
    {"adamax", BETAS ",weight_decay", "maximize", "exp_avg,exp_inf", BOTH(adamax)},
    {"sparse_adam", BETAS, "maximize", "exp_avg,exp_avg_sq", BOTH(sparse_adam)},
    {},
};

}  // namespace losslab
