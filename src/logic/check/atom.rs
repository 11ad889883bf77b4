//! Atoms: predicates against the table of signatures, and comparisons.
//!
//! Must never know: quantifiers.

use super::super::formula::{Arg, Comparison, Fact, Formula, Predicate, Sort, Term};
use super::super::signature::{FUNCTIONS, Meaning, Parameter, SIGNATURES, Signature, forms};
use super::Checker;
use super::term::{a, sort_of};
use crate::base::diag::Diagnostic;
use crate::base::similar::{clip, closest};
use crate::base::source::Span;
use crate::lang::ast::{self, Relation, TermKind, Word};

/// An argument as its place asks for it.
enum Argument {
    Arg(Arg),
    Text(String),
}

impl Checker<'_, '_> {
    pub(super) fn predicate(&mut self, name: &Word, terms: &[ast::Term], span: Span) -> Formula {
        let found = forms(&name.text);
        let Some(signature) = found.clone().find(|s| s.parameters.len() == terms.len()) else {
            let error = if found.clone().next().is_none() {
                unknown(name, terms)
            } else {
                wrong_number(name, terms, span, &found.collect::<Vec<_>>())
            };
            return self.gap(error);
        };
        let mut arguments = Vec::new();
        for (i, term) in terms.iter().enumerate() {
            arguments.extend(self.argument(signature, i, term));
        }
        if arguments.len() < terms.len() {
            return Formula::Constant(true);
        }
        build(signature.meaning, arguments)
    }

    fn argument(&mut self, signature: &Signature, i: usize, term: &ast::Term) -> Option<Argument> {
        let place = || {
            let place = format!("argument {} of `{}`", i + 1, signature.name);
            (
                place,
                format!("it is `{}`: {}", signature.form, signature.says),
            )
        };
        match *signature.parameters.get(i)? {
            Parameter::Text => {
                if let TermKind::Text(text) = &term.kind {
                    return Some(Argument::Text(text.clone()));
                }
                if term.kind == TermKind::Broken {
                    self.failed = true;
                    self.partial = true;
                    return None;
                }
                let message = format!("{} is a string", place().0);
                let help = format!("write `{}`", signature.form);
                self.gap(Diagnostic::error("L117", term.span, message).help(help));
                None
            }
            Parameter::Term(sort) | Parameter::Named(sort) if term.kind == TermKind::Any => {
                if sort != Sort::Event && signature.parameters[i] == Parameter::Term(sort) {
                    return Some(Argument::Arg(Arg::Any));
                }
                let message = format!("`_` cannot be {}", place().0);
                let help = if sort == Sort::Event {
                    "bind the message with `∀ e.` in front"
                } else {
                    "bind a variable instead"
                };
                self.error(Diagnostic::error("L111", term.span, message).help(help));
                None
            }
            Parameter::Term(sort) | Parameter::Named(sort) => self
                .term_of(term, sort, place)
                .map(|t| Argument::Arg(Arg::Term(t))),
        }
    }

    pub(super) fn relation(
        &mut self,
        left: &ast::Term,
        relation: Relation,
        right: &ast::Term,
    ) -> Formula {
        let span = Span {
            end: right.span.end,
            ..left.span
        };
        let formula = match relation {
            Relation::In => self.range(left, right),
            _ if is_hops(left) => self.hops(left, relation, right),
            _ if is_hops(right) => self.hops(right, mirrored(relation), left),
            Relation::Equal => self.equal(left, right, span),
            Relation::NotEqual => self
                .equal(left, right, span)
                .map(|equal| Formula::Not(Box::new(equal))),
            _ => self.ordered(left, relation, right),
        };
        // Whatever is missing is reported by now, and the constraint has failed.
        formula.unwrap_or(Formula::Constant(true))
    }

    fn equal(&mut self, left: &ast::Term, right: &ast::Term, span: Span) -> Option<Formula> {
        let (first, second) = (self.term(left), self.term(right));
        let (first, second) = (first?, second?);
        match (&first, &second) {
            (Term::Var(x), Term::Var(y)) => {
                if let Err(conflict) = self.sorts.unify(*x, *y) {
                    let (earlier, later) = (conflict.earlier, conflict.later);
                    let name = |var: &super::VarId| clip(self.declared[var.0 as usize].name);
                    let message = format!(
                        "`{}` is {}, but `{}` is {}",
                        name(x),
                        a(earlier.sort),
                        name(y),
                        a(later.sort)
                    );
                    let error = Diagnostic::error("L104", span, message)
                        .help("only terms of one sort are compared")
                        .related(later.span, format!("{} here", a(later.sort)));
                    self.error(error);
                    return None;
                }
                self.compared.push((*x, span));
            }
            (Term::Var(x), other) => {
                let sort = sort_of(other)?;
                if !self.is_of(*x, sort, left.span) {
                    return None;
                }
            }
            (other, Term::Var(y)) => {
                let sort = sort_of(other)?;
                if !self.is_of(*y, sort, right.span) {
                    return None;
                }
            }
            (x, y) => {
                let (x, y) = (sort_of(x)?, sort_of(y)?);
                if x != y {
                    let message = format!("{} cannot equal {}", a(x), a(y));
                    let error = Diagnostic::error("L108", span, message);
                    self.error(error.help("only terms of one sort are compared"));
                    return None;
                }
            }
        }
        Some(Formula::Equal(first, second))
    }

    fn ordered(
        &mut self,
        left: &ast::Term,
        relation: Relation,
        right: &ast::Term,
    ) -> Option<Formula> {
        let place = || {
            let place = format!("each side of `{}`", relation.sign());
            (place, "only ports have an order".to_owned())
        };
        let first = self.term_of(left, Sort::Port, place);
        let second = self.term_of(right, Sort::Port, place);
        Some(Formula::Compare(first?, comparison(relation)?, second?))
    }

    fn range(&mut self, left: &ast::Term, right: &ast::Term) -> Option<Formula> {
        let place = || ("what stands before `∈`".to_owned(), String::new());
        match right.kind {
            TermKind::Prefix(net) => {
                let term = self.term_of(left, Sort::Address, place)?;
                Some(Formula::InPrefix(term, net))
            }
            TermKind::Range(low, high) => {
                let term = self.term_of(left, Sort::Port, place)?;
                Some(Formula::InRange(term, low, high))
            }
            TermKind::Broken => {
                self.failed = true;
                self.partial = true;
                None
            }
            _ => {
                let shown = clip(&crate::lang::print::term(right));
                let message = format!("`{shown}` is neither a prefix nor a port range");
                let help = match right.kind {
                    TermKind::Address(_) | TermKind::Number(_) => {
                        format!("write `= {shown}`")
                    }
                    _ => "after `∈` stands `10.0.0.0/8`, `fd00::/8` or `1-1024`".to_owned(),
                };
                self.gap(Diagnostic::error("L114", right.span, message).help(help));
                None
            }
        }
    }

    /// `hops(e) <= 4`; `left` is the call.
    fn hops(&mut self, left: &ast::Term, relation: Relation, right: &ast::Term) -> Option<Formula> {
        let TermKind::Call(name, terms) = &left.kind else {
            return None;
        };
        let event = self.event(name, terms, left.span);
        let TermKind::Number(bound) = right.kind else {
            let message = "`hops(e)` can only be compared with a number";
            let error = Diagnostic::error("L114", right.span, message);
            self.gap(error.help("write `hops(e) ≤ 4`"));
            return None;
        };
        Some(Formula::Hops(event?, comparison(relation)?, bound))
    }
}

fn is_hops(term: &ast::Term) -> bool {
    matches!(&term.kind, TermKind::Call(name, _) if name.text == "hops")
}

fn comparison(relation: Relation) -> Option<Comparison> {
    Some(match relation {
        Relation::Less => Comparison::Less,
        Relation::LessEqual => Comparison::LessEqual,
        Relation::Greater => Comparison::Greater,
        Relation::GreaterEqual => Comparison::GreaterEqual,
        Relation::Equal => Comparison::Equal,
        Relation::NotEqual => Comparison::NotEqual,
        Relation::In => return None,
    })
}

/// The relation read from right to left.
fn mirrored(relation: Relation) -> Relation {
    match relation {
        Relation::Less => Relation::Greater,
        Relation::LessEqual => Relation::GreaterEqual,
        Relation::Greater => Relation::Less,
        Relation::GreaterEqual => Relation::LessEqual,
        same => same,
    }
}

fn build(meaning: Meaning, arguments: Vec<Argument>) -> Formula {
    let mut terms = Vec::new();
    let mut texts = Vec::new();
    for argument in arguments {
        match argument {
            Argument::Arg(term) => terms.push(term),
            Argument::Text(text) => texts.push(text),
        }
    }
    match meaning {
        Meaning::Predicate(predicate) => return Formula::Predicate(predicate, terms),
        Meaning::ContainerOfSome => {
            terms.push(Arg::Any);
            return Formula::Predicate(Predicate::Container, terms);
        }
        _ => {}
    }
    let mut texts = texts.into_iter();
    let (text, second) = (texts.next(), texts.next());
    let word = text.clone().unwrap_or_default();
    let mut terms = terms.into_iter().map(|arg| match arg {
        Arg::Term(term) => Some(term),
        Arg::Any => None,
    });
    let mut next = || terms.next().flatten();
    match (meaning, next(), next(), next()) {
        (Meaning::Label, Some(e), ..) => Formula::Label(e, word, second),
        (Meaning::Namespace, Some(e), ..) => match text {
            Some(name) => Formula::Namespace(e, name),
            None => Formula::Fact(e, Fact::Namespaced),
        },
        (Meaning::NamespaceLabel, Some(e), ..) => {
            Formula::Fact(e, Fact::NamespaceLabel(word, second))
        }
        (Meaning::Workload, Some(e), ..) => {
            Formula::Fact(e, Fact::Workload(word, second.unwrap_or_default()))
        }
        (Meaning::OtherLabel, Some(e), Some(f), _) => Formula::OtherLabel(e, f, word),
        (Meaning::NamedPort, Some(e), Some(p), Some(proto)) => {
            Formula::NamedPort(e, word, p, proto)
        }
        // The table lets no `_` through to these, so this is never built.
        _ => Formula::Constant(true),
    }
}

fn unknown(name: &Word, terms: &[ast::Term]) -> Diagnostic {
    let shown = clip(&name.text);
    let message = format!("there is no predicate `{shown}`");
    let error = Diagnostic::error("L101", name.span, message);
    if FUNCTIONS
        .iter()
        .any(|(function, _, _)| *function == name.text)
    {
        return error.help(format!(
            "`{shown}(e)` is a term: compare it with another one"
        ));
    }
    let kubernetes = format!("K8s-{shown}");
    let names = || SIGNATURES.iter().map(|s| s.name);
    let near = names()
        .find(|n| n.eq_ignore_ascii_case(&kubernetes))
        .map(str::to_owned)
        .or_else(|| closest(&name.text, names()));
    match near {
        Some(near) => error.help(format!("did you mean `{near}`")),
        None if terms.is_empty() => error.help("a predicate has arguments: `addr(P, a)`"),
        None => error.help("`kubeproof list predicates` shows all of them"),
    }
}

fn wrong_number(name: &Word, terms: &[ast::Term], span: Span, forms: &[&Signature]) -> Diagnostic {
    let numbers: Vec<String> = forms
        .iter()
        .map(|s| s.parameters.len().to_string())
        .collect();
    let numbers = numbers.join(" or ");
    let plural = if numbers == "1" { "" } else { "s" };
    let message = format!(
        "`{}` takes {numbers} argument{plural}, not {}",
        name.text,
        terms.len()
    );
    let written: Vec<String> = forms.iter().map(|s| format!("`{}`", s.form)).collect();
    Diagnostic::error("L102", span, message).help(format!("write {}", written.join(" or ")))
}
