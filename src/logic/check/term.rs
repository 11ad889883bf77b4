//! Terms, and the sorts that their places ask for.
//!
//! Must never know: quantifiers, beyond who is in scope.

use super::super::formula::{Sort, Term, VarId};
use super::super::signature::{FUNCTIONS, SIGNATURES};
use super::Checker;
use super::sorts::Use;
use crate::base::diag::Diagnostic;
use crate::base::similar::{clip, closest};
use crate::base::source::Span;
use crate::lang::ast::{self, TermKind, Word};
use crate::model::entity::{EntityKind, FullName};
use crate::model::inet::Protocol;

/// The word of a sort with its article.
pub(super) fn a(sort: Sort) -> &'static str {
    match sort {
        Sort::Event => "a message",
        Sort::Entity => "an entity",
        Sort::Address => "an address",
        Sort::Port => "a port",
        Sort::Protocol => "a protocol",
    }
}

/// The sort of a term that is no variable.
pub(super) fn sort_of(term: &Term) -> Option<Sort> {
    match term {
        Term::Var(_) => None,
        Term::Named(..) | Term::Entity(_) => Some(Sort::Entity),
        Term::Address(_) => Some(Sort::Address),
        Term::Port(_) => Some(Sort::Port),
        Term::Protocol(_) | Term::ProtocolOf(_) => Some(Sort::Protocol),
    }
}

impl Checker<'_, '_> {
    /// A term; none where it has none, which is reported.
    pub(super) fn term(&mut self, term: &ast::Term) -> Option<Term> {
        let (code, message, help) = match &term.kind {
            TermKind::Name(name) => return self.variable(name, term.span).map(Term::Var),
            TermKind::Entity { word, name } => return self.entity(word, name, term.span),
            TermKind::Address(ip) => return Some(Term::Address(*ip)),
            TermKind::Number(number) => {
                if let Ok(port) = u16::try_from(*number) {
                    return Some(Term::Port(port));
                }
                let message = format!("`{number}` is not a port");
                ("L112", message, "ports are numbers from 0 to 65535")
            }
            TermKind::Protocol(word) => return Protocol::parse(word).map(Term::Protocol),
            TermKind::Call(name, terms) => return self.call(name, terms, term.span),
            TermKind::Broken => {
                self.failed = true;
                self.partial = true;
                return None;
            }
            TermKind::Any => (
                "L111",
                "`_` cannot stand here".to_owned(),
                "`_` is an argument of a predicate only; elsewhere bind a variable",
            ),
            TermKind::Prefix(_) | TermKind::Range(..) => {
                let what = match term.kind {
                    TermKind::Prefix(_) => "a prefix",
                    _ => "a port range",
                };
                let message = format!("{what} cannot stand here");
                (
                    "L114",
                    message,
                    "write a variable here, and say of it `x ∈ …`",
                )
            }
            TermKind::Text(_) => (
                "L117",
                "a string cannot stand here".to_owned(),
                "strings are arguments of `label` and `namespace`",
            ),
        };
        self.error(Diagnostic::error(code, term.span, message).help(help));
        None
    }

    /// A term of this sort. `place` says whose place it is, such as "argument 2 of `addr`".
    pub(super) fn term_of(
        &mut self,
        term: &ast::Term,
        sort: Sort,
        place: impl Fn() -> (String, String),
    ) -> Option<Term> {
        let found = self.term(term)?;
        if let Term::Var(var) = found {
            return self.is_of(var, sort, term.span).then_some(found);
        }
        if let Some(other) = sort_of(&found).filter(|&other| other != sort) {
            let (place, help) = place();
            let shown = clip(&crate::lang::print::term(term));
            let message = format!("`{shown}` is {}, but {place} is {}", a(other), a(sort));
            let mut error = Diagnostic::error("L108", term.span, message);
            error.help = Some(help).filter(|h| !h.is_empty());
            self.error(error);
            return None;
        }
        Some(found)
    }

    /// A use of a variable tells its sort; false where another use told another one.
    pub(super) fn is_of(&mut self, var: VarId, sort: Sort, span: Span) -> bool {
        let Err(conflict) = self.sorts.assign(var, Use { sort, span }) else {
            return true;
        };
        let name = clip(self.declared[var.0 as usize].name);
        let (earlier, later) = (conflict.earlier.sort, conflict.later.sort);
        let message = format!("`{name}` is used as {} and as {}", a(earlier), a(later));
        let error = Diagnostic::error("L104", span, message)
            .help("use two variables")
            .related(
                conflict.earlier.span,
                format!("used as {} here", a(earlier)),
            );
        self.error(error);
        false
    }

    /// The variable of a name.
    pub(super) fn variable(&mut self, name: &str, span: Span) -> Option<VarId> {
        if let Some(&var) = self.scope.get(name) {
            self.declared[var.0 as usize].used = true;
            return Some(var);
        }
        let near = if self.report.is_full() {
            None
        } else {
            closest(name, self.scope.keys().copied())
        };
        let shown = clip(name);
        let protocol = Protocol::parse(&shown.to_uppercase());
        let help = match (near, protocol) {
            (Some(near), _) => format!("did you mean `{near}`"),
            (None, Some(protocol)) => format!("did you mean `{protocol}`"),
            // Variables of entities are capitals, as are many names of pods.
            (None, None) if name.starts_with(char::is_uppercase) => format!(
                "bind it with `∀ {shown}.` or `∃ {shown}.`; an entity of the cluster is written `pod({shown})`"
            ),
            (None, None) => format!("bind it with `∀ {shown}.` or `∃ {shown}.`"),
        };
        let message = format!("`{shown}` is not bound by a quantifier");
        self.partial = true;
        self.error(Diagnostic::error("L103", span, message).help(help));
        None
    }

    /// The variable of a message; other terms are never messages.
    pub(super) fn event(
        &mut self,
        function: &Word,
        terms: &[ast::Term],
        span: Span,
    ) -> Option<VarId> {
        let name = &function.text;
        let [term] = terms else {
            let message = format!("`{name}` takes 1 argument, not {}", terms.len());
            self.gap(Diagnostic::error("L102", span, message).help(format!("write `{name}(e)`")));
            return None;
        };
        let place = || {
            (
                format!("the argument of `{name}`"),
                format!("write `{name}(e)`"),
            )
        };
        match self.term_of(term, Sort::Event, place)? {
            Term::Var(var) => Some(var),
            _ => None,
        }
    }

    /// `proto(e)`; everything else that looks like it is a mistake.
    fn call(&mut self, name: &Word, terms: &[ast::Term], span: Span) -> Option<Term> {
        let function = name.text.as_str();
        if function == "proto" {
            return self.event(name, terms, span).map(Term::ProtocolOf);
        }
        let shown = clip(function);
        let error = |code, message: String| Diagnostic::error(code, name.span, message);
        let error = if function == "hops" {
            let message = "`hops(e)` can only be compared with a number".to_owned();
            error("L114", message).help("write `hops(e) ≤ 4`")
        } else if SIGNATURES.iter().any(|s| s.name == function) {
            let message = format!("`{shown}(…)` is a formula, but a term was expected");
            error("L116", message).help("bind a variable and say of it what the predicate says")
        } else {
            let names = FUNCTIONS.iter().map(|(name, _, _)| *name);
            let entities = ast::ENTITY_WORDS.iter().copied();
            let message = format!("there is no function `{shown}`");
            match closest(function, names.chain(entities)) {
                Some(near) => error("L116", message).help(format!("did you mean `{near}`")),
                None => error("L116", message).help("functions are `proto(e)` and `hops(e)`"),
            }
        };
        self.gap(error);
        None
    }

    /// `pod(shop/db)`.
    fn entity(&mut self, word: &str, name: &str, span: Span) -> Option<Term> {
        let kind = EntityKind::of_word(word)?;
        let parts: Vec<&str> = name.split('/').collect();
        // A daemon may be named after a container of a hostNetwork pod, an external after a prefix: any number of parts.
        let (most, help) = match kind {
            EntityKind::Container => (
                3,
                "write `container(NS/POD/NAME)`, or leave out the first parts",
            ),
            EntityKind::Pod => (2, "write `pod(NS/NAME)` or `pod(NAME)`"),
            EntityKind::Service => (2, "write `service(NS/NAME)` or `service(NAME)`"),
            EntityKind::Node => (1, "write `node(NAME)`"),
            EntityKind::Daemon => (usize::MAX, "write `daemon(NODE/NAME)` or `daemon(NAME)`"),
            EntityKind::External | EntityKind::Outside | EntityKind::Stage => {
                (usize::MAX, "write `external(NAME)`")
            }
        };
        let wrong = if parts.iter().any(|p| p.is_empty()) {
            "an empty part"
        } else if parts.len() > most {
            "too many parts"
        } else {
            return Some(Term::Named(FullName::new(kind, &parts), span));
        };
        let message = format!("the {word} name `{}` has {wrong}", clip(name));
        self.error(Diagnostic::error("L113", span, message).help(help));
        None
    }
}
