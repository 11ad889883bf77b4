//! Z3's general core for first-order terms: uninterpreted sorts and functions, quantifiers, unsat cores.
//!
//! Knows: Z3's values and parameters. Must never know: what terms mean.
//!
//! Apart from [`super::Z3`], whose bit-blaster knows neither functions nor quantifiers. Deterministic: fixed seeds.

use std::fmt;

use z3::ast::{Ast, BV, Bool, Dynamic};
use z3::{FuncDecl, Model, Params, Symbol};

use super::value::{constant, ill_sorted};
use crate::smt::names::c_name;
use crate::smt::solver::{Limits, SatResult, Solver, Value};
use crate::smt::term::{FunctionId, Op, Sort, TermId, TermPool};

/// Z3 for first-order terms. One pool in its life.
pub struct FirstOrder {
    solver: z3::Solver,
    /// By [`TermId::index`].
    terms: Vec<Option<Dynamic>>,
    functions: Vec<Option<FuncDecl>>,
    model: Option<Model>,
    core: Vec<TermId>,
}

impl fmt::Debug for FirstOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOrder")
            .field("terms", &self.terms.len())
            .finish_non_exhaustive()
    }
}

impl Default for FirstOrder {
    fn default() -> Self {
        Self::new()
    }
}

impl FirstOrder {
    /// A solver without assertions.
    pub fn new() -> Self {
        let solver = z3::Solver::new();
        let mut params = Params::new();
        params.set_u32("random_seed", 0);
        solver.set_params(&params);
        Self {
            solver,
            terms: Vec::new(),
            functions: Vec::new(),
            model: None,
            core: Vec::new(),
        }
    }

    /// Translates a term and what it is made of; a loop with its own stack.
    fn translate(&mut self, pool: &TermPool, t: TermId) {
        self.terms.resize(pool.len().max(self.terms.len()), None);
        self.functions.resize_with(pool.function_count(), || None);
        let mut waiting = vec![t];
        while let Some(&t) = waiting.last() {
            if self.terms[t.index()].is_none() {
                let before = waiting.len();
                let missing = pool.children(t).iter().copied();
                waiting.extend(missing.filter(|c| self.terms[c.index()].is_none()));
                if waiting.len() > before {
                    continue;
                }
                let made = self.make(pool, t);
                self.terms[t.index()] = Some(made);
            }
            waiting.pop();
        }
    }

    fn make(&mut self, pool: &TermPool, t: TermId) -> Dynamic {
        let node = pool.node(t);
        if let Op::Apply(f) = node.op {
            self.declare(pool, f);
        }
        let children: Vec<&Dynamic> = node.children.iter().map(|&c| self.get(c)).collect();
        let truth = |i: usize| self.truth(node.children[i]);
        let bits = |i: usize| self.bits(node.children[i]);
        let truths = || -> Vec<Bool> { node.children.iter().map(|&c| self.truth(c)).collect() };
        match node.op {
            Op::True => Bool::from_bool(true).into(),
            Op::False => Bool::from_bool(false).into(),
            Op::BitVec { value, width } => constant(value, width).into(),
            Op::Variable(_) => {
                let name = Symbol::String(c_name(pool.name(t).unwrap_or_default()));
                Dynamic::new_const(name, &sort(pool, node.sort))
            }
            Op::Not => truth(0).not().into(),
            Op::And => Bool::and(&truths()).into(),
            Op::Or => Bool::or(&truths()).into(),
            Op::Eq => children[0].eq(children[1].clone()).into(),
            Op::Ite => truth(0).ite(children[1], children[2]),
            Op::Ule => bits(0).bvule(bits(1)).into(),
            Op::Extract { high, low } => bits(0).extract(high, low).into(),
            Op::Apply(f) => {
                let arguments: Vec<&dyn Ast> = children.iter().map(|&c| c as &dyn Ast).collect();
                match &self.functions[f.index()] {
                    Some(function) => function.apply(&arguments),
                    None => ill_sorted(t), // declared above
                }
            }
            Op::Forall | Op::Exists => {
                let (body, variables) = (children.len() - 1, &children[..children.len() - 1]);
                let variables: Vec<&dyn Ast> = variables.iter().map(|&c| c as &dyn Ast).collect();
                let body = truth(body);
                if node.op == Op::Forall {
                    z3::ast::forall_const(&variables, &[], &body).into()
                } else {
                    z3::ast::exists_const(&variables, &[], &body).into()
                }
            }
        }
    }

    fn declare(&mut self, pool: &TermPool, f: FunctionId) {
        if self.functions[f.index()].is_some() {
            return;
        }
        let function = pool.function_of(f);
        let parameters: Vec<z3::Sort> =
            function.parameters.iter().map(|s| sort(pool, *s)).collect();
        let parameters: Vec<&z3::Sort> = parameters.iter().collect();
        let name = Symbol::String(c_name(&function.name));
        let declared = FuncDecl::new(name, &parameters, &sort(pool, function.result));
        self.functions[f.index()] = Some(declared);
    }

    fn get(&self, t: TermId) -> &Dynamic {
        match &self.terms[t.index()] {
            Some(term) => term,
            None => ill_sorted(t),
        }
    }

    fn truth(&self, t: TermId) -> Bool {
        self.get(t).as_bool().unwrap_or_else(|| ill_sorted(t))
    }

    fn bits(&self, t: TermId) -> BV {
        self.get(t).as_bv().unwrap_or_else(|| ill_sorted(t))
    }
}

fn sort(pool: &TermPool, sort: Sort) -> z3::Sort {
    match sort {
        Sort::Bool => z3::Sort::bool(),
        Sort::BitVec(width) => z3::Sort::bitvector(width),
        Sort::Uninterpreted(id) => {
            z3::Sort::uninterpreted(Symbol::String(c_name(pool.sort_name(id))))
        }
    }
}

impl Solver for FirstOrder {
    fn push(&mut self) {
        self.solver.push();
    }

    fn pop(&mut self) {
        self.solver.pop(1);
    }

    fn assert(&mut self, pool: &TermPool, t: TermId) {
        self.translate(pool, t);
        self.solver.assert(self.truth(t));
    }

    /// The assumptions are Boolean variables or their negations: whoever wants cores names what is to be in them.
    fn check(&mut self, pool: &TermPool, assumptions: &[TermId], limits: Limits) -> SatResult {
        self.core.clear();
        if limits.spent() {
            return SatResult::unknown("timeout");
        }
        let mut params = Params::new();
        params.set_u32("timeout", limits.milliseconds().unwrap_or(u32::MAX));
        self.solver.set_params(&params);
        let mut literals = Vec::with_capacity(assumptions.len());
        for &t in assumptions {
            self.translate(pool, t);
            literals.push(self.truth(t));
        }
        match self.solver.check_assumptions(&literals) {
            z3::SatResult::Sat => {
                self.model = self.solver.get_model();
                SatResult::Sat
            }
            z3::SatResult::Unsat => {
                let used = self.solver.get_unsat_core();
                let pairs = assumptions.iter().zip(&literals);
                let kept = pairs.filter(|(_, literal)| used.contains(literal));
                self.core = kept.map(|(&t, _)| t).collect();
                SatResult::Unsat
            }
            z3::SatResult::Unknown => {
                SatResult::unknown(&self.solver.get_reason_unknown().unwrap_or_default())
            }
        }
    }

    /// Of Booleans and bit-vectors up to 64 bits; what an uninterpreted term is, equalities tell.
    fn value(&mut self, pool: &TermPool, t: TermId) -> Option<Value> {
        self.translate(pool, t);
        let model = self.model.as_ref()?;
        match pool.sort(t) {
            Sort::Bool => model.eval(&self.truth(t), true)?.as_bool().map(Value::Bool),
            Sort::BitVec(_) => {
                let value = model.eval(&self.bits(t), true)?.as_u64()?;
                Some(Value::Bits(value.into()))
            }
            Sort::Uninterpreted(_) => None,
        }
    }

    fn unsat_assumptions(&mut self) -> Vec<TermId> {
        self.core.clone()
    }
}
