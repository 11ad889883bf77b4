//! Terms as an SMT-LIB 2.6 script, for other solvers and for people.
//!
//! Knows: the concrete syntax. Must never know: a solver, files, what the terms mean.
//!
//! The text is linear in the terms reachable from the assertions: what is used twice, or is deep, gets a name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::names::Symbols;
use super::term::{FunctionId, Op, Sort, SortId, TermId, TermPool};

/// How deep a term is written in place before it gets a name. Bounds the copying (each level copies the text below it)
/// and keeps readers that recurse over parentheses from running out of stack.
const DEEP: u32 = 12;

/// The script: `comments`, then `:status` if given (`sat`, `unsat`, `unknown`), declarations, definitions, assertions,
/// and `(check-sat)`. The same pool and arguments give the same text.
pub fn print(
    pool: &TermPool,
    asserts: &[TermId],
    comments: &[String],
    status: Option<&str>,
) -> String {
    let mut out = String::new();
    for comment in comments {
        comment_lines(&mut out, comment);
    }
    line(&mut out, "(set-info :smt-lib-version 2.6)");
    if let Some(status) = status {
        line(&mut out, &format!("(set-info :status {status})"));
    }
    let printer = Printer::new(pool, asserts);
    let logic = if printer.first_order() {
        "UF"
    } else {
        "QF_UFBV"
    };
    line(&mut out, &format!("(set-logic {logic})"));
    printer.print(asserts, &mut out);
    line(&mut out, "(check-sat)");
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A comment ends with its line, so every kind of line end in it starts a new comment line.
fn comment_lines(out: &mut String, comment: &str) {
    let ends = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
    for part in comment.split(ends) {
        line(out, format!("; {part}").trim_end());
    }
}

struct Printer<'a> {
    pool: &'a TermPool,
    reachable: Vec<bool>,
    /// How often each term is used by reachable terms and assertions; two is as good as many.
    uses: Vec<u8>,
    symbols: Symbols,
    functions: BTreeMap<FunctionId, String>,
    sorts: BTreeMap<SortId, String>,
    /// Variables that a quantifier binds, and terms that hold one of them free: these have no name outside of it.
    bound: BTreeSet<TermId>,
    open: Vec<bool>,
}

/// A term on its way to the term that uses it.
#[derive(Clone, Default)]
struct Text {
    text: String,
    depth: u32,
}

impl<'a> Printer<'a> {
    fn new(pool: &'a TermPool, asserts: &[TermId]) -> Self {
        let reachable = pool.reachable(asserts);
        let mut uses = vec![0u8; pool.len()];
        let inner = pool.ids().filter(|t| reachable[t.index()]);
        for &t in inner.flat_map(|t| pool.children(t)).chain(asserts) {
            uses[t.index()] = uses[t.index()].saturating_add(1);
        }
        let wanted = || pool.ids().filter(|t| reachable[t.index()]);
        let quantifiers = wanted().filter(|&t| matches!(pool.op(t), Op::Forall | Op::Exists));
        let bound: BTreeSet<TermId> = quantifiers
            .filter_map(|t| pool.children(t).split_last())
            .flat_map(|(_, variables)| variables.iter().copied())
            .collect();
        let open = open(pool, &bound);
        Self {
            pool,
            reachable,
            uses,
            symbols: Symbols::default(),
            functions: BTreeMap::new(),
            sorts: BTreeMap::new(),
            bound,
            open,
        }
    }

    /// Whether the script is beyond bit-vectors and functions on them. The two kinds do not meet.
    fn first_order(&self) -> bool {
        let mut ids = self.pool.ids().filter(|t| self.reachable[t.index()]);
        ids.any(|t| matches!(self.pool.sort(t), Sort::Uninterpreted(_)))
    }

    /// Declares the sort, if need be, and writes it.
    fn sort(&mut self, sort: Sort, out: &mut String) -> String {
        match sort {
            Sort::Bool => "Bool".to_owned(),
            Sort::BitVec(width) => format!("(_ BitVec {width})"),
            Sort::Uninterpreted(id) => {
                if let Some(name) = self.sorts.get(&id) {
                    return name.clone();
                }
                let name = self.symbols.of(self.pool.sort_name(id));
                line(out, &format!("(declare-sort {name} 0)"));
                self.sorts.insert(id, name.clone());
                name
            }
        }
    }

    fn print(mut self, asserts: &[TermId], out: &mut String) {
        let pool = self.pool;
        let wanted: Vec<TermId> = pool.ids().filter(|t| self.reachable[t.index()]).collect();
        let mut texts = vec![Text::default(); pool.len()];
        // All names of the user's first: the names of definitions must keep out of their way.
        for &t in &wanted {
            if let Some(name) = pool.name(t) {
                let name = self.symbols.of(name);
                let sort = self.sort(pool.sort(t), out);
                if !self.bound.contains(&t) {
                    line(out, &format!("(declare-const {name} {sort})"));
                }
                texts[t.index()].text = name;
            }
        }
        for &t in &wanted {
            if let Op::Apply(f) = pool.op(t) {
                self.declare(f, out);
            }
        }
        for &t in &wanted {
            if pool.name(t).is_some() {
                continue;
            }
            let depth = pool
                .children(t)
                .iter()
                .map(|c| texts[c.index()].depth)
                .max();
            let depth = depth.map_or(0, |depth| depth + 1);
            let mut text = self.write(t, &texts);
            let shared = self.uses[t.index()] > 1 && depth > 0;
            if (shared && !self.cheap(t) || depth >= DEEP) && !self.open[t.index()] {
                let name = self.symbols.fresh();
                let sort = self.sort(pool.sort(t), out);
                line(out, &format!("(define-fun {name} () {sort} {text})"));
                text = name;
                texts[t.index()] = Text { text, depth: 0 };
            } else {
                texts[t.index()] = Text { text, depth };
            }
        }
        for t in asserts {
            line(out, &format!("(assert {})", texts[t.index()].text));
        }
    }

    /// `a ≤ b`, where the term is its negation, and nothing else uses it: it has no name.
    fn negated_ule(&self, t: TermId, texts: &[Text]) -> Option<(TermId, TermId)> {
        let &[inner] = self.pool.children(t) else {
            return None;
        };
        let (Op::Ule, &[a, b]) = (self.pool.op(inner), self.pool.children(inner)) else {
            return None;
        };
        let named = texts[inner.index()].depth == 0;
        (!named).then_some((a, b))
    }

    /// Not worth a name: the negation of something that is written as a word.
    fn cheap(&self, t: TermId) -> bool {
        let leaf = |t: TermId| self.pool.children(t).is_empty();
        self.pool.op(t) == Op::Not && self.pool.children(t).iter().all(|&c| leaf(c))
    }

    fn declare(&mut self, f: FunctionId, out: &mut String) {
        if self.functions.contains_key(&f) {
            return;
        }
        let function = self.pool.function_of(f);
        let name = self.symbols.of(&function.name);
        let parameters = function.parameters.iter();
        let parameters: Vec<String> = parameters.map(|s| self.sort(*s, out)).collect();
        let parameters = parameters.join(" ");
        let result = self.sort(function.result, out);
        line(
            out,
            &format!("(declare-fun {name} ({parameters}) {result})"),
        );
        self.functions.insert(f, name);
    }

    /// The term, in terms of its children's texts.
    fn write(&self, t: TermId, texts: &[Text]) -> String {
        let node = self.pool.node(t);
        let head = match node.op {
            Op::True => return "true".to_owned(),
            Op::False => return "false".to_owned(),
            Op::BitVec { value, width } if width % 4 == 0 => {
                return format!("#x{value:0digits$x}", digits = width as usize / 4);
            }
            Op::BitVec { value, width } => {
                return format!("#b{value:0width$b}", width = width as usize);
            }
            Op::Variable(_) => return texts[t.index()].text.clone(),
            Op::Not => match self.negated_ule(t, texts) {
                // The pool keeps `a < b` as `¬(b ≤ a)`; people like the former.
                Some((a, b)) => {
                    let (a, b) = (&texts[a.index()].text, &texts[b.index()].text);
                    return format!("(bvult {b} {a})");
                }
                None => "not",
            },
            Op::And => "and",
            Op::Or => "or",
            Op::Eq => "=",
            Op::Ite => "ite",
            Op::Ule => "bvule",
            Op::Extract { high, low } => &format!("(_ extract {high} {low})"),
            Op::Apply(f) => self.functions.get(&f).map_or("", String::as_str),
            Op::Forall => return self.quantified("forall", node.children, texts),
            Op::Exists => return self.quantified("exists", node.children, texts),
        };
        let mut text = format!("({head}");
        for &child in node.children {
            let _ = write!(text, " {}", texts[child.index()].text);
        }
        text.push(')');
        text
    }

    fn quantified(&self, word: &str, children: &[TermId], texts: &[Text]) -> String {
        let Some((body, variables)) = children.split_last() else {
            return String::new();
        };
        let variables: Vec<String> = variables
            .iter()
            .map(|v| {
                let sort = match self.pool.sort(*v) {
                    Sort::Uninterpreted(id) => self.sorts.get(&id).cloned().unwrap_or_default(),
                    Sort::BitVec(width) => format!("(_ BitVec {width})"),
                    Sort::Bool => "Bool".to_owned(),
                };
                format!("({} {sort})", texts[v.index()].text)
            })
            .collect();
        let body = &texts[body.index()].text;
        format!("({word} ({}) {body})", variables.join(" "))
    }
}

/// Which terms hold a bound variable that no quantifier inside them binds.
fn open(pool: &TermPool, bound: &BTreeSet<TermId>) -> Vec<bool> {
    let mut open = vec![false; pool.len()];
    if bound.is_empty() {
        return open;
    }
    let mut free: Vec<BTreeSet<TermId>> = Vec::with_capacity(pool.len());
    for t in pool.ids() {
        let children = pool.children(t);
        let mut here: BTreeSet<TermId> = children
            .iter()
            .flat_map(|c| &free[c.index()])
            .copied()
            .collect();
        if bound.contains(&t) {
            here.insert(t);
        }
        if let (Op::Forall | Op::Exists, Some((_, variables))) = (pool.op(t), children.split_last())
        {
            here.retain(|v| !variables.contains(v));
        }
        open[t.index()] = !here.is_empty();
        free.push(here);
    }
    open
}
