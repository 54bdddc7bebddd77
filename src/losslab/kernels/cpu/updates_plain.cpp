// Gradient descent, and the rules that scale each coordinate without a bias to correct.
#include "updates.h"

namespace losslab {
namespace {

// nesterov, maximize. Without a momentum buffer no member has a momentum; with one, a member's own may be 0.
template <class T> void sgd(const UpdateBlock<T> &b) {
    const double *h = b.hyper, momentum = h[1], dampening = h[2];
    const T rate = T(h[0] * b.lr_factor), kept = T(momentum);
    const Gradient<T> gradient(b.options & 2, h[3]);
    if (b.state[0] == nullptr) {
        each(b, CHANGE(T &param, T grad) { param = param - rate * gradient(grad, param); });
        return;
    }
    const T share = T(b.step > 1 && momentum != 0 ? 1 - dampening : 1);
    if (b.options & 1)
        each(b, b.state[0], CHANGE(T &param, T grad, T &buffer) {
            const T g = gradient(grad, param);
            buffer = share * g + kept * buffer;
            param = param - rate * (g + kept * buffer);
        });
    else
        each(b, b.state[0], CHANGE(T &param, T grad, T &buffer) {
            buffer = share * gradient(grad, param) + kept * buffer;
            param = param - rate * buffer;
        });
}

template <class T> void asgd(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper, lr = h[0] * b.lr_factor, lambd = h[1], alpha = h[2], t0 = h[3];
    const double eta = lr / std::pow(1 + lambd * lr * (b.step - 1), alpha);
    const Gradient<T> gradient(b.options & 1, h[4]);
    const T rate = T(eta), decay = T(1 - lambd * eta);
    const Mean<T> mean(1 / larger(b.step - 1 - t0, 1.0));
    each(b, b.state[0], CHANGE(T &param, T grad, T &ax) {
        param = decay * param - rate * gradient(grad, param);
        ax = mean(ax, param);
    });
}

template <class T> void rprop(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper;
    const T sign = b.options & 1 ? T(-1) : T(1);
    const T down = T(h[1]), up = T(h[2]), low = T(h[3]), high = T(h[4]);
    each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &prev, T &step_size) {
        const T g = sign * grad, agreement = g * prev;
        const T wished = step_size * (agreement > 0 ? up : agreement < 0 ? down : T(1));
        step_size = smaller_or_nan(larger_or_nan(wished, low), high);
        prev = agreement < 0 ? T(0) : g;
        param = param - sign_(prev) * step_size;
    });
}

template <class T> void adagrad(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper, lr = h[0] * b.lr_factor;
    const Gradient<T> gradient(b.options & 1, h[2]);
    const T rate = T(lr / (1 + (b.step - 1) * h[1])), eps = T(h[4]);
    each(b, b.state[0], CHANGE(T &param, T grad, T &sum) {
        const T g = gradient(grad, param);
        sum = sum + g * g;
        param = param - rate * (g / (sqrt_(sum) + eps));
    });
}

template <class T> void adadelta(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper;
    const Gradient<T> gradient(b.options & 1, h[3]);
    const Mean<T> mean_square(1 - h[1]);
    const T rate = T(h[0] * b.lr_factor), eps = T(h[2]);
    each(b, b.state[0], b.state[1], CHANGE(T &param, T grad, T &v, T &u) {
        const T g = gradient(grad, param);
        v = mean_square(v, g * g);
        const T delta = sqrt_(u + eps) / sqrt_(v + eps) * g;
        u = mean_square(u, delta * delta);
        param = param - rate * delta;
    });
}

// The step of rmsprop after its means: the gradient divided by a root, and the momentum where one is kept.
template <class T> void rmsprop(const UpdateBlock<T> &b) {  // centered, maximize
    const double *h = b.hyper;
    const Gradient<T> gradient(b.options & 2, h[3]);
    const Mean<T> mean(1 - h[1]);
    const T rate = T(h[0] * b.lr_factor), eps = T(h[2]), kept = T(h[4]);
    const bool centered = b.options & 1;
    const auto towards = CHANGE(T g, T &v) {
        v = mean(v, g * g);
        return g / (sqrt_(v) + eps);
    };
    const auto centred = CHANGE(T g, T &v, T &average) {  // rounding can bring the difference below 0
        v = mean(v, g * g);
        average = mean(average, g);
        return g / (sqrt_(larger_or_nan(v - average * average, T(0))) + eps);
    };
    T *square = b.state[0], *averages = b.state[1], *buffers = b.state[2];
    if (centered && buffers)
        each(b, square, averages, buffers, CHANGE(T &param, T grad, T &v, T &average, T &buffer) {
            buffer = centred(gradient(grad, param), v, average) + kept * buffer;
            param = param - rate * buffer;
        });
    else if (centered)
        each(b, square, averages, CHANGE(T &param, T grad, T &v, T &average) {
            param = param - rate * centred(gradient(grad, param), v, average);
        });
    else if (buffers)
        each(b, square, buffers, CHANGE(T &param, T grad, T &v, T &buffer) {
            buffer = towards(gradient(grad, param), v) + kept * buffer;
            param = param - rate * buffer;
        });
    else
        each(b, square, CHANGE(T &param, T grad, T &v) {
            param = param - rate * towards(gradient(grad, param), v);
        });
}

template <class T> void lion(const UpdateBlock<T> &b) {  // maximize
    const double *h = b.hyper;
    const T sign = b.options & 1 ? T(-1) : T(1), rate = T(h[0] * b.lr_factor);
    const Gradient<T> with_decay(false, h[3]);
    const Mean<T> mixed(1 - h[1]), mean(1 - h[2]);
    each(b, b.state[0], CHANGE(T &param, T grad, T &m) {
        const T g = sign * grad;
        param = param - rate * with_decay(sign_(mixed(m, g)), param);
        m = mean(m, g);
    });
}

}  // namespace

#define BOTH(function) function<float>, function<double>
const UpdateEntry PLAIN_RULES[] = {
    {"sgd", "lr,momentum,dampening,weight_decay", "nesterov,maximize", "momentum_buffer", BOTH(sgd)},
    {"asgd", "lr,lambd,alpha,t0,weight_decay", "maximize", "ax", BOTH(asgd)},
    {"rprop", "lr,etaminus,etaplus,step_size_min,step_size_max", "maximize", "prev,step_size", BOTH(rprop)},
    {"adagrad", "lr,lr_decay,weight_decay,initial_accumulator_value,eps", "maximize", "sum", BOTH(adagrad)},
    {"adadelta", "lr,rho,eps,weight_decay", "maximize", "square_avg,acc_delta", BOTH(adadelta)},
    {"rmsprop", "lr,alpha,eps,weight_decay,momentum", "centered,maximize", "square_avg,grad_avg,momentum_buffer",
     BOTH(rmsprop)},
    {"lion", "lr,beta1,beta2,weight_decay", "maximize", "exp_avg", BOTH(lion)},
    {},
};

}  // namespace losslab
