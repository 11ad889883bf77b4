//! Where a message goes from a stage, with what is said of it.
//!
//! Must never know: which stage.

use std::sync::Arc;

use crate::base::source::Span;
use crate::model::entity::EntityId;
use crate::network::fib::{Action, DiscardReason, FibRule, RuleKind};

use super::context::Context;

/// Where a message goes, and what a person should know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    /// Where.
    pub(super) action: Action,
    /// Why, where that is not plain.
    pub(super) why: Option<Arc<str>>,
    /// The words and the place of what decided, where it is not the rule that leads here.
    pub(super) said: Option<(Arc<str>, Span)>,
}

impl Next {
    /// To a stage.
    pub(super) fn to(stage: EntityId) -> Self {
        Self::of(Action::Forward(stage))
    }

    /// An action.
    pub(super) fn of(action: Action) -> Self {
        Self {
            action,
            why: None,
            said: None,
        }
    }

    /// It dies.
    pub(super) fn dies(reason: DiscardReason) -> Self {
        Self::of(Action::Discard(reason))
    }

    /// It dies, and why.
    pub(super) fn dies_as(reason: DiscardReason, why: String) -> Self {
        let mut next = Self::dies(reason);
        next.why = Some(why.into());
        next
    }

    /// The same, with the words and the place of what decided.
    #[must_use]
    pub(super) fn saying(mut self, text: &str, origin: Span) -> Self {
        self.said = Some((text.into(), origin));
        self
    }

    /// A rule that leads here.
    pub(super) fn rule(self, context: Context, text: Option<Arc<str>>, origin: Span) -> FibRule {
        let (text, origin) = match self.said {
            Some((text, origin)) => (Some(text), origin),
            None => (text, origin),
        };
        FibRule {
            matches: context.matches,
            state: context.state,
            action: self.action,
            kind: RuleKind::Linux,
            text,
            why: self.why,
            origin,
        }
    }
}

impl Next {
    /// Why it is not known what happens, if it is not.
    pub(super) fn unmodelled(&self) -> Option<&str> {
        match &self.action {
            Action::Discard(DiscardReason::Unmodelled(why)) => Some(why),
            _ => None,
        }
    }
}

/// What happens is not known.
pub(super) fn unmodelled(why: &str) -> Next {
    Next::dies(DiscardReason::Unmodelled(why.to_owned()))
}
