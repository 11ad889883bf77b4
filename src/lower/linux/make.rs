//! What happens at a stage, by its key.
//!
//! Must never know: anything but who makes what.

use crate::network::fib::Fib;

use super::context::Context;
use super::next::Next;
use super::stage::{Builder, Key};

impl Builder<'_> {
    /// The rules of a stage.
    pub(super) fn make(&mut self, key: &Key) -> Fib {
        match key {
            Key::Send(ns) => self.sends(*ns),
            Key::Socket(ns) => self.listens(*ns),
            Key::Sent(ns, env) => {
                let mut fib = Fib::new();
                self.outgoing(*ns, env, false, &mut fib);
                fib
            }
            Key::Check(ns, env) => self.checks(*ns, env),
            Key::Arrived(ns, env) => self.routes(*ns, env),
            Key::Leaving(ns, family) => self.leaves(*ns, *family),
            Key::Walk(cursor) => self.walks(cursor),
            Key::Nat(ns, hook, item, env) => self.nats(*ns, *hook, *item, env),
            Key::Undo(ns, item, env) => self.undo(*ns, *item, env),
            Key::Translate(ns, hook, item, env, change) => {
                self.translates(*ns, *hook, *item, env, change)
            }
            Key::Link(ns, device, family) => self.linked(*ns, *device, *family),
            Key::Redirected(ns, device, env) => self.redirects(*ns, *device, env),
            Key::Tunnel(ns, device, gateway, family) => {
                self.tunnels(*ns, *device, *gateway, *family)
            }
            Key::Just(_, at) => self.just.at(*at).clone(),
        }
    }

    /// A stage with these rules.
    pub(super) fn list(&mut self, ns: usize, fib: Fib) -> crate::model::entity::EntityId {
        let at = self.just.number(fib);
        self.stage(Key::Just(ns, at))
    }

    /// A stage for what is to be one of several.
    pub(super) fn wrapped(&mut self, ns: usize, next: Next) -> crate::model::entity::EntityId {
        if let crate::network::fib::Action::Forward(stage) = next.action {
            return stage;
        }
        let rule = next.rule(Context::default(), None, self.facts[ns].ns.origin);
        self.list(ns, vec![rule])
    }
}
