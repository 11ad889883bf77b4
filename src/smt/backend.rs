//! Z3 behind the [`Solver`] trait: this file and those below it alone name the crate `z3`.
//!
//! Knows: Z3's values, parameters and habits. Must never know: what terms mean, how verdicts are told.
//!
//! No Z3 value leaves them, and none crosses a thread: the crate keeps one context a thread, and its values are
//! not `Send`. A `Z3` is made, used and dropped on one thread.
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use z3::ast::{Ast, BV, Bool};
use z3::{Model, Params};

pub mod first_order;
#[cfg(test)]
mod script;
mod value;

use super::error::SmtError;
use super::names::c_name as symbol;
use super::solver::{Limits, SatResult, Solver, Value};
#[cfg(test)]
pub(super) use script::check_script;
use value::{Translated, constant, ill_sorted};

use super::term::{FunctionId, Op, Sort, TermId, TermPool};

/// The Z3 that kubeproof is built for; `build.rs` and `tools/z3-wheel.txt` pin the same.
pub const WANTED: &str = "5.3.3.0";

/// What the linked library says of itself, such as `Z3 5.3.3.0`.
pub fn version() -> String {
    z3::full_version().to_owned()
}

/// Is the linked library the pinned one? To be asked once, at start, before anything is decided.
pub fn check_version() -> Result<(), SmtError> {
    SmtError::unless_wanted(&version(), WANTED)
}

/// Z3, incrementally.
pub struct Z3 {
    solver: z3::Solver,
    /// The pool that the caches below belong to, by [`TermPool::serial`].
    serial: Option<u64>,
    /// By [`TermId::index`]; translated are the terms that were asked for, and what they are made of.
    terms: Vec<Option<Translated>>,
    /// How deep each translated term is, and whether [`DEEP`] was passed.
    depths: Vec<u32>,
    deep: bool,
    /// The applications that were met, by function.
    applications: BTreeMap<FunctionId, Vec<TermId>>,
    /// Equal arguments, equal results: one for each pair of applications of a function.
    congruences: Vec<Bool>,
    /// How many of them are asserted, one number a scope.
    congruent: Vec<usize>,
    /// For each assumption that is no literal, the Boolean that stands for it: always the same one.
    proxies: BTreeMap<TermId, Bool>,
    /// Which `proxy → term` are asserted, one set a scope: Z3 drops an assertion with the scope it was made in,
    /// and so does this.
    defined: Vec<HashSet<TermId>>,
    /// The timeout that Z3 was last told, in milliseconds.
    timeout: u32,
    model: Option<Model>,
    core: Vec<TermId>,
}

impl fmt::Debug for Z3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Z3")
            .field("terms", &self.terms.len())
            .field("scopes", &(self.defined.len() - 1))
            .finish_non_exhaustive()
    }
}

/// Z3's "no timeout".
const FOREVER: u32 = u32::MAX;

/// Terms deeper than this never see the one-shot pipeline: it is quadratic in the depth, and deaf to the timeout
/// meanwhile (depth 4,000: 8 s; 8,000: 42 s, where 20 were allowed; 200,000: not in 10 minutes). Incrementally, the
/// same terms take 24 s at depth 200,000.
const DEEP: u32 = 2_000;

impl Default for Z3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Z3 {
    /// A solver without assertions.
    ///
    /// Z3's incremental SAT solver behind a bit-blaster (logic `QF_BV`). It takes no uninterpreted functions, so their
    /// applications become constants here, with every congruence between them (`Z3::apply`). Against the general core
    /// (`QF_UFBV`), whole runs of `verify` on K1-shaped clusters of n nodes with m pods, processor time: 2×2 0.10 s and
    /// 0.19 s, 4×4 0.6 s and 1.5 s, 8×8 7.7 s and 44 s; where counterexamples through translations are narrowed, it is
    /// slower (3.2 s and 2.1 s). `sat.euf` called a contradiction over function tables satisfiable: never set it.
    ///
    /// The first solver of a thread makes Z3's context: 12 ms, and 20 ms from the start of the process to the first answer.
    pub fn new() -> Self {
        let solver = z3::Solver::new_for_logic("QF_BV").unwrap_or_default();
        let mut params = Params::new();
        params.set_u32("random_seed", 0);
        // Simplifying clauses between many small questions costs more than it gains: K1 0.17 s with it, 0.12 s without.
        params.set_u32("simplify.delay", 1_000_000);
        solver.set_params(&params);
        Self {
            solver,
            serial: None,
            terms: Vec::new(),
            applications: BTreeMap::new(),
            congruences: Vec::new(),
            congruent: vec![0],
            depths: Vec::new(),
            deep: false,
            proxies: BTreeMap::new(),
            defined: vec![HashSet::new()],
            timeout: FOREVER,
            model: None,
            core: Vec::new(),
        }
    }

    /// Makes room for what the pool has grown by. Another pool than last time starts from scratch: ids mean
    /// something else there, though equal names are still equal variables.
    fn adopt(&mut self, pool: &TermPool) {
        if self.serial != Some(pool.serial()) {
            self.serial = Some(pool.serial());
            self.terms.clear();
            self.applications.clear();
            self.congruences.clear();
            self.congruent.fill(0);
            self.proxies.clear();
            for scope in &mut self.defined {
                scope.clear();
            }
        }
        if self.terms.len() < pool.len() {
            self.terms.resize(pool.len(), None);
            self.depths.resize(pool.len(), 0);
        }
    }

    /// Translates a term and what it is made of; a loop with its own stack, since terms may be very deep.
    fn translate(&mut self, pool: &TermPool, t: TermId) {
        self.adopt(pool);
        let mut waiting = vec![t];
        while let Some(&t) = waiting.last() {
            if self.terms[t.index()].is_none() {
                let before = waiting.len();
                let missing = pool.children(t).iter().copied();
                waiting.extend(missing.filter(|c| self.terms[c.index()].is_none()));
                if waiting.len() > before {
                    continue;
                }
                let below = pool.children(t).iter().map(|c| self.depths[c.index()]);
                self.depths[t.index()] = below.max().map_or(0, |depth| depth + 1);
                let made = self.make(pool, t);
                self.terms[t.index()] = Some(made);
            }
            waiting.pop();
        }
        if !self.deep && self.depths[t.index()] > DEEP {
            self.deep = true;
            let mut params = Params::new();
            params.set_bool("ignore_solver1", true);
            self.solver.set_params(&params);
        }
    }

    /// One term, from its translated children.
    fn make(&mut self, pool: &TermPool, t: TermId) -> Translated {
        let node = pool.node(t);
        if let Op::Apply(f) = node.op {
            return self.apply(pool, t, f);
        }
        let name = || symbol(pool.name(t).unwrap_or_default());
        let truths = || -> Vec<&Bool> { node.children.iter().map(|&c| self.truth(c)).collect() };
        let truth = |i: usize| self.truth(node.children[i]);
        let bits = |i: usize| self.bits(node.children[i]);
        let of_bits = |i: usize| pool.width(node.children[i]).is_some();
        match node.op {
            Op::True => Translated::Truth(Bool::from_bool(true)),
            Op::False => Translated::Truth(Bool::from_bool(false)),
            Op::BitVec { value, width } => Translated::Bits(constant(value, width)),
            Op::Variable(_) => match node.sort {
                Sort::Bool => Translated::Truth(Bool::new_const(name())),
                Sort::BitVec(width) => Translated::Bits(BV::new_const(name(), width)),
                Sort::Uninterpreted(_) => ill_sorted(t), // see `first_order`
            },
            Op::Not => Translated::Truth(truth(0).not()),
            Op::And => Translated::Truth(Bool::and(&truths())),
            Op::Or => Translated::Truth(Bool::or(&truths())),
            Op::Eq if of_bits(0) => Translated::Truth(bits(0).eq(bits(1))),
            Op::Eq => Translated::Truth(truth(0).iff(truth(1))),
            Op::Ite if of_bits(1) => Translated::Bits(truth(0).ite(bits(1), bits(2))),
            Op::Ite => Translated::Truth(truth(0).ite(truth(1), truth(2))),
            Op::Ule => Translated::Truth(bits(0).bvule(bits(1))),
            Op::Extract { high, low } => Translated::Bits(bits(0).extract(high, low)),
            // The first is dealt with above, for the others see `first_order`.
            Op::Apply(_) | Op::Forall | Op::Exists => ill_sorted(t),
        }
    }

    /// An application becomes a constant; what makes it a function is the congruence with those before it (Ackermann).
    fn apply(&mut self, pool: &TermPool, t: TermId, f: FunctionId) -> Translated {
        let function = pool.function_of(f);
        let constant = match function.result {
            Sort::Bool => Translated::Truth(Bool::fresh_const(&function.name)),
            Sort::BitVec(width) => Translated::Bits(BV::fresh_const(&function.name, width)),
            Sort::Uninterpreted(_) => ill_sorted(t),
        };
        let others = self.applications.entry(f).or_default().clone();
        for other in others {
            let congruence = self.congruence(pool, t, &constant, other);
            self.congruences.push(congruence);
        }
        self.applications.entry(f).or_default().push(t);
        constant
    }

    /// Equal arguments, equal results.
    fn congruence(&self, pool: &TermPool, t: TermId, result: &Translated, other: TermId) -> Bool {
        let pairs = pool.children(t).iter().zip(pool.children(other));
        let equal: Vec<Bool> = pairs
            .filter_map(|(&a, &b)| {
                Some(
                    self.terms[a.index()]
                        .as_ref()?
                        .equals(self.terms[b.index()].as_ref()?),
                )
            })
            .collect();
        let equal: Vec<&Bool> = equal.iter().collect();
        match &self.terms[other.index()] {
            Some(other) => Bool::and(&equal).implies(result.equals(other)),
            None => Bool::from_bool(true),
        }
    }

    /// Asserts the congruences that the scopes do not hold: what a scope held goes with it.
    fn assert_congruences(&mut self) {
        if let Some(done) = self.congruent.last_mut() {
            for congruence in &self.congruences[*done..] {
                self.solver.assert(congruence);
            }
            *done = self.congruences.len();
        }
    }

    fn truth(&self, t: TermId) -> &Bool {
        match &self.terms[t.index()] {
            Some(Translated::Truth(b)) => b,
            _ => ill_sorted(t),
        }
    }

    fn bits(&self, t: TermId) -> &BV {
        match &self.terms[t.index()] {
            Some(Translated::Bits(b)) => b,
            _ => ill_sorted(t),
        }
    }

    /// What Z3 is to assume for a term: itself if it is a literal, else a Boolean that implies it.
    fn literal(&mut self, pool: &TermPool, t: TermId) -> Bool {
        self.translate(pool, t);
        let inner = match pool.op(t) {
            Op::Not => pool.children(t)[0],
            _ => t,
        };
        if let Op::Variable(_) = pool.op(inner) {
            return self.truth(t).clone();
        }
        let fresh = || Bool::fresh_const("assumed");
        let proxy = self.proxies.entry(t).or_insert_with(fresh).clone();
        // A fresh Boolean that implies something takes no model away, so the definition may stay.
        if !self.defined.iter().any(|scope| scope.contains(&t)) {
            self.solver.assert(proxy.implies(self.truth(t)));
            if let Some(scope) = self.defined.last_mut() {
                scope.insert(t);
            }
        }
        proxy
    }

    /// Tells Z3 the timeout, if it is another one than last time.
    fn limit(&mut self, milliseconds: u32) {
        if milliseconds != self.timeout {
            let mut params = Params::new();
            params.set_u32("timeout", milliseconds);
            self.solver.set_params(&params);
            self.timeout = milliseconds;
        }
    }
}

impl Solver for Z3 {
    fn push(&mut self) {
        self.solver.push();
        self.defined.push(HashSet::new());
        self.congruent
            .push(self.congruent.last().copied().unwrap_or_default());
    }

    fn pop(&mut self) {
        if self.defined.len() > 1 {
            self.solver.pop(1);
            self.defined.pop();
            self.congruent.pop();
        }
    }

    fn assert(&mut self, pool: &TermPool, t: TermId) {
        self.translate(pool, t);
        // What was assumed before has a Boolean that implies it: that one is asserted at once.
        let is_defined = self.defined.iter().any(|scope| scope.contains(&t));
        match self.proxies.get(&t).filter(|_| is_defined) {
            Some(proxy) => self.solver.assert(proxy),
            None => self.solver.assert(self.truth(t)),
        }
    }

    fn check(&mut self, pool: &TermPool, assumptions: &[TermId], limits: Limits) -> SatResult {
        self.core.clear();
        self.adopt(pool);
        let mut literals = Vec::with_capacity(assumptions.len());
        for &t in assumptions {
            match pool.as_truth(t) {
                Some(true) => {}
                Some(false) => {
                    self.core.push(t);
                    return SatResult::Unsat;
                }
                None => literals.push((t, self.literal(pool, t))),
            }
        }
        self.assert_congruences();
        if limits.spent() {
            return SatResult::unknown("timeout");
        }
        self.limit(limits.milliseconds().unwrap_or(FOREVER));
        let answer = if literals.is_empty() {
            self.solver.check()
        } else {
            let assumed: Vec<Bool> = literals
                .iter()
                .map(|(_, literal)| literal.clone())
                .collect();
            self.solver.check_assumptions(&assumed)
        };
        match answer {
            z3::SatResult::Sat => {
                // Taken at once: Z3 forgets it with the next assertion.
                self.model = self.solver.get_model();
                SatResult::Sat
            }
            z3::SatResult::Unsat => {
                if !literals.is_empty() {
                    let mut used: HashSet<Bool> =
                        self.solver.get_unsat_core().into_iter().collect();
                    let used = literals
                        .into_iter()
                        .filter(|(_, literal)| used.remove(literal));
                    self.core = used.map(|(t, _)| t).collect();
                }
                SatResult::Unsat
            }
            z3::SatResult::Unknown => {
                SatResult::unknown(&self.solver.get_reason_unknown().unwrap_or_default())
            }
        }
    }

    fn value(&mut self, pool: &TermPool, t: TermId) -> Option<Value> {
        self.model.as_ref()?;
        self.translate(pool, t);
        let model = self.model.as_ref()?;
        match self.terms[t.index()].as_ref()? {
            Translated::Truth(b) => model.eval(b, true)?.as_bool().map(Value::Bool),
            Translated::Bits(b) => {
                let value = model.eval(b, true)?;
                let width = value.get_size();
                if width <= 64 {
                    return value.as_u64().map(|n| Value::Bits(n.into()));
                }
                // The C interface hands out 64 bits at a time.
                let low = value.extract(63, 0).simplify().as_u64()?;
                let high = value.extract(width - 1, 64).simplify().as_u64()?;
                Some(Value::Bits(u128::from(high) << 64 | u128::from(low)))
            }
        }
    }

    fn unsat_assumptions(&mut self) -> Vec<TermId> {
        self.core.clone()
    }
}
