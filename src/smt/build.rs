//! The smart constructors: how terms are made, and made smaller on the way.
//!
//! Knows: laws of Booleans and bit-vectors. Must never know: a solver, what a term is for.
//!
//! Every rule looks at most at the children of the operands, or walks down one chain in a loop: no recursion, and
//! the cost of making a term depends on its operands only. Rules must not depend on anything but the terms, so that
//! the same calls give the same pool.

use super::term::{FunctionId, Op, Sort, TermId, TermPool, mask, valid};

/// Pushing `extract` and comparisons with a constant through `ite` stops at constants on both sides; see there.
type Constants = (u128, u128);

impl TermPool {
    /// A bit-vector constant; bits beyond the width are a bug, and dropped.
    pub fn bits(&mut self, value: u128, width: u32) -> TermId {
        debug_assert!(
            valid(Sort::BitVec(width)),
            "no bit-vectors of width {width}"
        );
        debug_assert!(
            value <= mask(width),
            "{value} does not fit in {width} bit(s)"
        );
        let value = value & mask(width);
        self.intern(Op::BitVec { value, width }, &[], Sort::BitVec(width))
    }

    /// Negation.
    pub fn not(&mut self, t: TermId) -> TermId {
        self.expect_bool(&[t]);
        match self.op(t) {
            Op::True => self.truth(false),
            Op::False => self.truth(true),
            Op::Not => self.children(t)[0],
            _ => self.intern(Op::Not, &[t], Sort::Bool),
        }
    }

    /// Conjunction; of nothing, true.
    ///
    /// A conjunction inside a conjunction stays one: flattening would make a chain of n shared conjunctions cost n².
    pub fn and(&mut self, ts: &[TermId]) -> TermId {
        self.junction(Op::And, ts)
    }

    /// Disjunction; of nothing, false. Not flattened either.
    pub fn or(&mut self, ts: &[TermId]) -> TermId {
        self.junction(Op::Or, ts)
    }

    fn junction(&mut self, op: Op, ts: &[TermId]) -> TermId {
        self.expect_bool(ts);
        // What decides the whole, and what changes nothing.
        let zero = self.truth(op == Op::Or);
        let one = self.truth(op == Op::And);
        if let [a, b] = *ts {
            // The common case, without a list on the heap.
            if a == b || b == one {
                return a;
            }
            if a == one {
                return b;
            }
            if a == zero || b == zero || self.opposite(a, b) {
                return zero;
            }
            return self.intern(op, &[a.min(b), a.max(b)], Sort::Bool);
        }
        let mut kept: Vec<TermId> = ts.iter().copied().filter(|&t| t != one).collect();
        kept.sort_unstable();
        kept.dedup();
        let decided = kept.iter().any(|&t| {
            t == zero || self.op(t) == Op::Not && kept.binary_search(&self.children(t)[0]).is_ok()
        });
        match *kept {
            _ if decided => zero,
            [] => one,
            [t] => t,
            _ => self.intern(op, &kept, Sort::Bool),
        }
    }

    /// Is one the negation of the other?
    fn opposite(&self, a: TermId, b: TermId) -> bool {
        let negates = |x, y| self.op(x) == Op::Not && self.children(x)[0] == y;
        negates(a, b) || negates(b, a)
    }

    /// Implication.
    pub fn implies(&mut self, a: TermId, b: TermId) -> TermId {
        let not_a = self.not(a);
        self.or(&[not_a, b])
    }

    /// The biconditional.
    pub fn iff(&mut self, a: TermId, b: TermId) -> TermId {
        self.expect_bool(&[a, b]);
        // `¬a ↔ ¬b` is `a ↔ b`, and `¬a ↔ b` is `¬(a ↔ b)`: negations move out, so that equal terms are shared.
        let (a, flip_a) = self.bare(a);
        let (b, flip_b) = self.bare(b);
        let positive = match (self.as_truth(a), self.as_truth(b)) {
            _ if a == b => self.truth(true),
            (Some(true), _) => b,
            (_, Some(true)) => a,
            (Some(false), _) => self.not(b),
            (_, Some(false)) => self.not(a),
            _ => self.intern(Op::Eq, &[a.min(b), a.max(b)], Sort::Bool),
        };
        if flip_a == flip_b {
            positive
        } else {
            self.not(positive)
        }
    }

    /// The term without its negation, and whether there was one.
    fn bare(&self, t: TermId) -> (TermId, bool) {
        match self.op(t) {
            Op::Not => (self.children(t)[0], true),
            _ => (t, false),
        }
    }

    /// Equality of two terms of one sort.
    pub fn eq(&mut self, a: TermId, b: TermId) -> TermId {
        debug_assert_eq!(
            self.sort(a),
            self.sort(b),
            "equality across sorts: {a:?}, {b:?}"
        );
        if self.sort(a) == Sort::Bool {
            return self.iff(a, b);
        }
        if a == b {
            return self.truth(true);
        }
        match (self.as_bits(a), self.as_bits(b)) {
            (Some(x), Some(y)) => return self.truth(x == y),
            (Some(k), None) => {
                if let Some(t) = self.through_ite(b, |x| x == k) {
                    return t;
                }
            }
            (None, Some(k)) => {
                if let Some(t) = self.through_ite(a, |x| x == k) {
                    return t;
                }
            }
            (None, None) => {}
        }
        self.intern(Op::Eq, &[a.min(b), a.max(b)], Sort::Bool)
    }

    /// `ite(c, x, y)` with constants x and y, as c and (x, y).
    fn choice(&self, t: TermId) -> Option<(TermId, Constants)> {
        let (Op::Ite, &[c, a, b]) = (self.op(t), self.children(t)) else {
            return None;
        };
        Some((c, (self.as_bits(a)?, self.as_bits(b)?)))
    }

    /// A predicate of `ite(c, x, y)` with constants x and y is one of c, ¬c, true, false.
    fn through_ite(&mut self, t: TermId, holds: impl Fn(u128) -> bool) -> Option<TermId> {
        let (c, (x, y)) = self.choice(t)?;
        Some(match (holds(x), holds(y)) {
            (true, false) => c,
            (false, true) => self.not(c),
            (both, _) => self.truth(both),
        })
    }

    /// If `c`, then `a`, else `b`, of any sort.
    pub fn ite(&mut self, c: TermId, a: TermId, b: TermId) -> TermId {
        self.expect_bool(&[c]);
        debug_assert_eq!(
            self.sort(a),
            self.sort(b),
            "branches of two sorts: {a:?}, {b:?}"
        );
        let (c, a, b) = match self.bare(c) {
            (c, false) => (c, a, b),
            (c, true) => (c, b, a),
        };
        match self.as_truth(c) {
            Some(true) => return a,
            Some(false) => return b,
            None => {}
        }
        // Inside its branches the condition is decided.
        let a = self.decided(c, a, 1);
        let b = self.decided(c, b, 2);
        if a == b {
            return a;
        }
        if self.sort(a) != Sort::Bool {
            let sort = self.sort(a);
            return self.intern(Op::Ite, &[c, a, b], sort);
        }
        // Towards ∧, ∨ and ↔, which fold further. `decided` has seen to branches that are c itself.
        match (self.as_truth(a), self.as_truth(b)) {
            (Some(true), _) => self.or(&[c, b]),
            (_, Some(false)) => self.and(&[c, a]),
            (_, Some(true)) => self.implies(c, a),
            (Some(false), _) => {
                let not_c = self.not(c);
                self.and(&[not_c, b])
            }
            _ if self.opposite(a, b) => self.iff(c, a),
            _ => self.intern(Op::Ite, &[c, a, b], Sort::Bool),
        }
    }

    /// A branch of an `ite` on `c`, knowing `c` (child 1) or ¬`c` (child 2).
    fn decided(&mut self, c: TermId, mut branch: TermId, child: usize) -> TermId {
        while self.op(branch) == Op::Ite && self.children(branch)[0] == c {
            branch = self.children(branch)[child];
        }
        let (inner, negated) = self.bare(branch);
        if inner == c {
            branch = self.truth((child == 1) != negated);
        }
        branch
    }

    /// Unsigned less-than.
    pub fn ult(&mut self, a: TermId, b: TermId) -> TermId {
        let opposite = self.ule(b, a);
        self.not(opposite)
    }

    /// Unsigned less-or-equal.
    pub fn ule(&mut self, a: TermId, b: TermId) -> TermId {
        debug_assert_eq!(
            self.sort(a),
            self.sort(b),
            "comparison across sorts: {a:?}, {b:?}"
        );
        debug_assert_ne!(
            self.sort(a),
            Sort::Bool,
            "comparison of Booleans: {a:?}, {b:?}"
        );
        let top = mask(self.width(a).unwrap_or(1));
        if a == b {
            return self.truth(true);
        }
        let folded = match (self.as_bits(a), self.as_bits(b)) {
            (Some(x), Some(y)) => Some(self.truth(x <= y)),
            (Some(0), _) => Some(self.truth(true)),
            (_, Some(y)) if y == top => Some(self.truth(true)),
            // At the ends an order is an equality, which the solver and the other rules like better.
            (Some(x), _) if x == top => Some(self.eq(a, b)),
            (_, Some(0)) => Some(self.eq(a, b)),
            (Some(x), None) => self.through_ite(b, |y| x <= y),
            (None, Some(y)) => self.through_ite(a, |x| x <= y),
            (None, None) => None,
        };
        folded.unwrap_or_else(|| self.intern(Op::Ule, &[a, b], Sort::Bool))
    }

    /// The bits `high` down to `low`, both included.
    pub fn extract(&mut self, t: TermId, high: u32, low: u32) -> TermId {
        let Some(width) = self.width(t) else {
            debug_assert!(false, "bits of a Boolean: {t:?}");
            return t;
        };
        debug_assert!(
            low <= high && high < width,
            "bits {high}..{low} of {width} bit(s)"
        );
        if low == 0 && high == width - 1 {
            return t;
        }
        let out = high - low + 1;
        let cut = |value: u128| (value >> low) & mask(out);
        if let Op::Extract { low: below, .. } = self.op(t) {
            // Never of an extract again: the inner one went the same way when it was made.
            let (inner, high, low) = (self.children(t)[0], high + below, low + below);
            return self.intern(Op::Extract { high, low }, &[inner], Sort::BitVec(out));
        }
        if let Some(value) = self.as_bits(t) {
            return self.bits(cut(value), out);
        }
        if let Some((c, (x, y))) = self.choice(t) {
            let x = self.bits(cut(x), out);
            let y = self.bits(cut(y), out);
            return self.ite(c, x, y);
        }
        self.intern(Op::Extract { high, low }, &[t], Sort::BitVec(out))
    }

    /// An uninterpreted function of arguments.
    pub fn apply(&mut self, f: FunctionId, args: &[TermId]) -> TermId {
        let function = self.function_of(f);
        debug_assert!(
            function
                .parameters
                .iter()
                .copied()
                .eq(args.iter().map(|&t| self.sort(t))),
            "arguments that do not fit `{}`",
            function.name
        );
        let result = function.result;
        self.intern(Op::Apply(f), args, result)
    }

    /// `body` for all values of the variables. Sorts are not empty, so that a constant body needs no quantifier.
    ///
    /// A variable that is bound anywhere must be free nowhere: names are told apart by whoever makes them.
    pub fn forall(&mut self, variables: &[TermId], body: TermId) -> TermId {
        self.quantified(Op::Forall, variables, body)
    }

    /// `body` for some values of the variables.
    pub fn exists(&mut self, variables: &[TermId], body: TermId) -> TermId {
        self.quantified(Op::Exists, variables, body)
    }

    fn quantified(&mut self, op: Op, variables: &[TermId], body: TermId) -> TermId {
        self.expect_bool(&[body]);
        debug_assert!(variables.iter().all(|&v| self.name(v).is_some()));
        if variables.is_empty() || self.as_truth(body).is_some() {
            return body;
        }
        self.intern(op, &[variables, &[body]].concat(), Sort::Bool)
    }

    fn expect_bool(&self, ts: &[TermId]) {
        debug_assert!(
            ts.iter().all(|&t| self.sort(t) == Sort::Bool),
            "not Boolean: {:?}",
            ts.iter().find(|&&t| self.sort(t) != Sort::Bool)
        );
    }
}
