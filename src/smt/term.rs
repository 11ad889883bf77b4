//! Terms: flat, hash-consed, children before parents.
//!
//! Knows: operators, sorts, names as plain text. Must never know: a solver, what a name stands for.
//! How terms are made, and made smaller on the way, is in `build.rs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::intern::{Interner, hash_of};

/// The widest bit-vector: an IPv6-sized one.
pub const MAX_WIDTH: u32 = 128;

/// A term of one pool. Ids ascend from children to parents, so a pass over a term is a loop over ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(u32);

impl TermId {
    /// Its position in the pool: 0 to [`TermPool::len`] - 1.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An uninterpreted function of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(u32);

impl FunctionId {
    /// Its position among the functions: 0 to [`TermPool::function_count`] - 1.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An uninterpreted sort of one pool: see [`TermPool::sort_named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortId(u32);

/// The sort of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// Truth values.
    Bool,
    /// Bit-vectors of this width, 1 to [`MAX_WIDTH`].
    BitVec(u32),
    /// A set of which nothing is known but that it is not empty.
    Uninterpreted(SortId),
}

/// What a term does with its children. There is no `Ult`: `a < b` is kept as `¬(b ≤ a)`, and `a → b` as `¬a ∨ b`,
/// so that a term and its opposite are always told by a single [`Op::Not`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// True.
    True,
    /// False.
    False,
    /// A bit-vector constant.
    BitVec {
        /// Its value; fits the width.
        value: u128,
        /// Its width.
        width: u32,
    },
    /// A free variable; see [`TermPool::name`].
    Variable(u32),
    /// Negation; never of a negation or a constant.
    Not,
    /// Conjunction of two or more, ascending by id.
    And,
    /// Disjunction of two or more, ascending by id.
    Or,
    /// Equality of two terms of one sort, ascending by id; on Booleans the biconditional.
    Eq,
    /// If the first, then the second, else the third. Its condition is never a negation.
    Ite,
    /// Unsigned `first ≤ second`.
    Ule,
    /// The bits `high` down to `low`.
    Extract {
        /// Of the highest bit kept.
        high: u32,
        /// Of the lowest bit kept.
        low: u32,
    },
    /// An uninterpreted function of the children.
    Apply(FunctionId),
    /// The last child for all values of the children before it, which are variables.
    Forall,
    /// The last child for some values of the children before it, which are variables.
    Exists,
}

/// A term, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// What it does.
    pub op: Op,
    /// With what.
    pub children: &'a [TermId],
    /// And what comes out.
    pub sort: Sort,
}

/// An uninterpreted function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The sorts of its arguments, one or more.
    pub parameters: Vec<Sort>,
    /// The sort of its result.
    pub result: Sort,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    op: Op,
    sort: Sort,
    /// Where its children start in `TermPool::children`, and how many they are.
    first: u32,
    count: u32,
}

/// All terms of one job. Terms are only added, so an id stays valid as long as the pool.
///
/// Not `Clone`: two copies would hand out one id for different terms, and a solver caches by id.
#[derive(Debug)]
pub struct TermPool {
    serial: u64,
    entries: Vec<Entry>,
    children: Vec<TermId>,
    interner: Interner,
    /// Names of variables, by the number in [`Op::Variable`], and back, with the sort first asked for.
    names: Vec<String>,
    numbers: HashMap<String, (u32, Sort)>,
    functions: Vec<Function>,
    function_ids: HashMap<String, FunctionId>,
    /// Names of uninterpreted sorts, by [`SortId`].
    sorts: Vec<String>,
}

impl Default for TermPool {
    fn default() -> Self {
        Self::new()
    }
}

impl TermPool {
    /// An empty pool, but for the two truth values.
    pub fn new() -> Self {
        static SERIALS: AtomicU64 = AtomicU64::new(0);
        let mut pool = Self {
            serial: SERIALS.fetch_add(1, Ordering::Relaxed),
            entries: Vec::new(),
            children: Vec::new(),
            interner: Interner::default(),
            names: Vec::new(),
            numbers: HashMap::new(),
            functions: Vec::new(),
            function_ids: HashMap::new(),
            sorts: Vec::new(),
        };
        // They get the ids 0 and 1, which `truth` relies on.
        pool.intern(Op::False, &[], Sort::Bool);
        pool.intern(Op::True, &[], Sort::Bool);
        pool
    }

    /// The constant.
    pub fn truth(&mut self, value: bool) -> TermId {
        TermId(u32::from(value))
    }

    /// Tells this pool from every other pool of the process, for caches by id. Never shown to anybody.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never true: the two truth values are always there.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every term, children before parents.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = TermId> + use<> {
        (0..self.entries.len() as u32).map(TermId)
    }

    /// The term, taken apart.
    pub fn node(&self, t: TermId) -> Node<'_> {
        let Entry { op, sort, .. } = self.entries[t.index()];
        let children = self.children(t);
        Node { op, children, sort }
    }

    /// What the term does with its children.
    pub fn op(&self, t: TermId) -> Op {
        self.entries[t.index()].op
    }

    /// Its children.
    pub fn children(&self, t: TermId) -> &[TermId] {
        let Entry { first, count, .. } = self.entries[t.index()];
        &self.children[first as usize..][..count as usize]
    }

    /// Its sort.
    pub fn sort(&self, t: TermId) -> Sort {
        self.entries[t.index()].sort
    }

    /// Its width; none where it is no bit-vector.
    pub fn width(&self, t: TermId) -> Option<u32> {
        match self.sort(t) {
            Sort::Bool | Sort::Uninterpreted(_) => None,
            Sort::BitVec(width) => Some(width),
        }
    }

    /// An uninterpreted sort: the same name gives the same sort.
    pub fn sort_named(&mut self, name: &str) -> Sort {
        let known = self.sorts.iter().position(|s| s == name);
        Sort::Uninterpreted(SortId(known.unwrap_or_else(|| {
            self.sorts.push(name.to_owned());
            self.sorts.len() - 1
        }) as u32))
    }

    /// What an uninterpreted sort is called.
    pub fn sort_name(&self, sort: SortId) -> &str {
        &self.sorts[sort.0 as usize]
    }

    /// The truth value, if the term is a constant.
    pub fn as_truth(&self, t: TermId) -> Option<bool> {
        match self.op(t) {
            Op::True => Some(true),
            Op::False => Some(false),
            _ => None,
        }
    }

    /// The bits, if the term is a constant.
    pub fn as_bits(&self, t: TermId) -> Option<u128> {
        match self.op(t) {
            Op::BitVec { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The name of a variable; none for any other term.
    pub fn name(&self, t: TermId) -> Option<&str> {
        match self.op(t) {
            Op::Variable(number) => self.names.get(number as usize).map(String::as_str),
            _ => None,
        }
    }

    /// The function with this id.
    pub fn function_of(&self, f: FunctionId) -> &Function {
        &self.functions[f.index()]
    }

    /// How many functions there are.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// Which terms the roots are made of, themselves included, by [`TermId::index`].
    pub fn reachable(&self, roots: &[TermId]) -> Vec<bool> {
        let mut seen = vec![false; self.len()];
        let mut waiting = roots.to_vec();
        while let Some(t) = waiting.pop() {
            if !std::mem::replace(&mut seen[t.index()], true) {
                waiting.extend(self.children(t));
            }
        }
        seen
    }

    /// A variable: the same name and sort give the same term.
    pub fn variable(&mut self, name: &str, sort: Sort) -> TermId {
        debug_assert!(valid(sort), "no such sort: {sort:?}");
        let number = if let Some(&(number, first)) = self.numbers.get(name) {
            debug_assert!(first == sort, "variable `{name}` with two sorts");
            number
        } else {
            let number = self.names.len() as u32;
            self.names.push(name.to_owned());
            self.numbers.insert(name.to_owned(), (number, sort));
            number
        };
        self.intern(Op::Variable(number), &[], sort)
    }

    /// An uninterpreted function: the same name gives the same function.
    pub fn function(&mut self, name: &str, parameters: &[Sort], result: Sort) -> FunctionId {
        debug_assert!(
            !parameters.is_empty(),
            "`{name}` without parameters is a variable"
        );
        debug_assert!(parameters.iter().copied().all(valid) && valid(result));
        if let Some(&f) = self.function_ids.get(name) {
            let known = self.function_of(f);
            debug_assert!(
                known.parameters == parameters && known.result == result,
                "function `{name}` with two signatures"
            );
            return f;
        }
        let f = FunctionId(self.functions.len() as u32);
        self.functions.push(Function {
            name: name.to_owned(),
            parameters: parameters.to_vec(),
            result,
        });
        self.function_ids.insert(name.to_owned(), f);
        f
    }

    /// The term with exactly this operator and these children, made if need be. Folds nothing.
    pub(super) fn intern(&mut self, op: Op, children: &[TermId], sort: Sort) -> TermId {
        // The sort follows from the rest, but for a variable: there it is part of the identity.
        let hash = hash_of(&(op, children, sort));
        let same = |id| {
            let t = TermId(id);
            self.entries[t.index()].op == op && self.sort(t) == sort && self.children(t) == children
        };
        if let Some(id) = self.interner.find(hash, same) {
            return TermId(id);
        }
        let id = self.entries.len() as u32;
        let first = self.children.len() as u32;
        self.children.extend_from_slice(children);
        self.entries.push(Entry {
            op,
            sort,
            first,
            count: children.len() as u32,
        });
        self.interner.insert(hash, id);
        TermId(id)
    }
}

/// Is this a sort that terms may have?
pub(super) fn valid(sort: Sort) -> bool {
    match sort {
        Sort::Bool | Sort::Uninterpreted(_) => true,
        Sort::BitVec(width) => (1..=MAX_WIDTH).contains(&width),
    }
}

/// All ones in this width.
pub(super) fn mask(width: u32) -> u128 {
    u128::MAX >> (MAX_WIDTH - width.clamp(1, MAX_WIDTH))
}
