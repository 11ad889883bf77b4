//! The surface tree of a `.spec` text: what was written, with places.
//!
//! Equality of trees is equality of what was written: places do not count.
//! Must never know: which names mean something.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::base::source::Span;

/// A text with any number of constraints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// In the order of the text.
    pub constraints: Vec<Constraint>,
}

/// `constraint [ID] NAME "title" [reason "…"] [source "…"] FORMULA`.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// The id of a built-in.
    pub id: Option<Word>,
    /// The name.
    pub name: Word,
    /// The title; empty where it is missing, which is reported.
    pub title: Word,
    /// Why it is asked.
    pub reason: Option<Word>,
    /// Where it comes from.
    pub source: Option<Word>,
    /// What it says.
    pub formula: Formula,
    /// From the word `constraint` to the end of the formula.
    pub span: Span,
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.name == other.name
            && self.title == other.title
            && self.reason == other.reason
            && self.source == other.source
            && self.formula == other.formula
    }
}
impl Eq for Constraint {}

/// A name or a string.
#[derive(Debug, Clone)]
pub struct Word {
    /// What it says, without quotes.
    pub text: String,
    /// Where.
    pub span: Span,
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for Word {}

/// ∀ or ∃.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// ∀
    Forall,
    /// ∃
    Exists,
}

/// How two terms are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `≠`
    NotEqual,
    /// `<`
    Less,
    /// `≤`
    LessEqual,
    /// `>`
    Greater,
    /// `≥`
    GreaterEqual,
    /// `∈`
    In,
}

impl Relation {
    /// As it is printed.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "≠",
            Self::Less => "<",
            Self::LessEqual => "≤",
            Self::Greater => ">",
            Self::GreaterEqual => "≥",
            Self::In => "∈",
        }
    }
}

/// A formula with its place.
#[derive(Debug, Clone)]
pub struct Formula {
    /// What it is.
    pub kind: FormulaKind,
    /// Where it is.
    pub span: Span,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}
impl Eq for Formula {}

/// The forms of formulas. INVARIANT of the parser: nested at most [`MAX_DEPTH`] deep, so recursion over it is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormulaKind {
    /// `true` or `false`.
    Constant(bool),
    /// `addr(P, a)`.
    Predicate(Word, Vec<Term>),
    /// `a = b`.
    Relation(Term, Relation, Term),
    /// `¬ f`.
    Not(Box<Formula>),
    /// `f ∧ g ∧ …`, two or more.
    And(Vec<Formula>),
    /// `f ∨ g ∨ …`, two or more.
    Or(Vec<Formula>),
    /// `f ⟹ g`.
    Implies(Box<Formula>, Box<Formula>),
    /// `f ⟺ g`.
    Iff(Box<Formula>, Box<Formula>),
    /// `∀ x, y. f`.
    Quantified(Quantifier, Vec<Word>, Box<Formula>),
    /// Could not be read; that is reported.
    Broken,
}

/// A term with its place.
#[derive(Debug, Clone)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// Where it is.
    pub span: Span,
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}
impl Eq for Term {}

/// The forms of terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermKind {
    /// `_`.
    Any,
    /// A variable.
    Name(String),
    /// `pod(shop/db)`.
    Entity {
        /// The word before the parenthesis, one of [`ENTITY_WORDS`].
        word: &'static str,
        /// The raw name inside.
        name: String,
    },
    /// `10.1.1.1`.
    Address(IpAddr),
    /// `10.0.0.0/8`.
    Prefix(IpNet),
    /// `8080`.
    Number(u32),
    /// `1-1024`.
    Range(u16, u16),
    /// One of [`PROTOCOL_WORDS`].
    Protocol(&'static str),
    /// `"tier"`.
    Text(String),
    /// `proto(e)`.
    Call(Word, Vec<Term>),
    /// Could not be read; that is reported.
    Broken,
}

/// The words that make an entity literal when a parenthesis follows.
pub const ENTITY_WORDS: [&str; 6] = ["pod", "node", "container", "daemon", "service", "external"];

/// The words for protocols.
pub const PROTOCOL_WORDS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// How deep formulas and terms may nest.
pub const MAX_DEPTH: usize = 256;
