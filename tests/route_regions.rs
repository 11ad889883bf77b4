//! What a route table does with a region, three times: by the sweep that compares tables of large clusters, by the
//! simulator's look-up on the rules that the table becomes, and for all addresses at once by the solver.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use kubeproof::base::source::SourceMap;
use kubeproof::model::cluster::Match;
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::{IpNet, Protocol};
use kubeproof::model::regions::Regions;
use kubeproof::model::table::{NetId, Route, Table, look_up_order};
use kubeproof::network::fib::{Action, Fib, FibRule, RuleKind, State};
use kubeproof::network::header::Header;
use kubeproof::sim::step::lookup;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::{Limits, SatResult, Solver};
use kubeproof::smt::term::{Sort, TermId, TermPool};
use support::rng::Rng;

struct World {
    nets: Vec<IpNet>,
    regions: Regions,
    table: Table,
}

fn world(seed: u64) -> World {
    let mut rng = Rng::new(seed, 31);
    let mut nets = BTreeSet::new();
    // Close together, so that they are nested, side by side, and at both ends of a family.
    for _ in 0..rng.between(1, 14) {
        let base = *rng.pick(&[0, 0x0a01_0000, 0x0a01_0100, 0xffff_ff00_u32]);
        let address = Ipv4Addr::from(base + rng.below(256) as u32);
        let net = IpNet::new(IpAddr::V4(address), rng.between(22, 32) as u8).unwrap();
        nets.insert(net.trunc());
        if rng.percent(10) {
            nets.insert(
                IpNet::new(IpAddr::V4(address), rng.below(9) as u8)
                    .unwrap()
                    .trunc(),
            );
        }
        if rng.percent(10) {
            let six = format!("fd00::{}/{}", rng.below(9), rng.between(0, 128));
            nets.insert(six.parse::<IpNet>().unwrap().trunc());
        }
    }
    let mut nets: Vec<IpNet> = nets.into_iter().collect();
    nets.sort_by_key(look_up_order);
    let mut routes = Vec::new();
    for net in (0..nets.len() as u32).map(NetId) {
        if rng.percent(60) {
            let via = EntityId(rng.below(3) as u32);
            routes.push(Route { net, via, line: 1 });
        }
    }
    World {
        regions: Regions::of(&nets),
        table: Table {
            at: EntityId(9),
            source: SourceMap::new().add("fibs.routes", ""),
            line: 1,
            routes,
        },
        nets,
    }
}

impl World {
    fn net(&self, id: NetId) -> IpNet {
        self.nets[id.0 as usize]
    }

    /// The table as rules, longest prefix first.
    fn fib(&self) -> Fib {
        let rule = |route: &Route| FibRule {
            matches: Match {
                to: Some(self.net(route.net)),
                ..Match::default()
            },
            state: None,
            action: Action::Forward(route.via),
            kind: RuleKind::Explicit,
            text: None,
            why: None,
            origin: self.table.place(route),
        };
        self.table.routes.iter().map(rule).collect()
    }

    fn sweep(&self) -> Vec<Option<EntityId>> {
        let mut hops = Vec::new();
        self.regions.next_hops(&self.table, &mut hops);
        hops
    }
}

fn walked(fib: &Fib, ip: IpAddr) -> Option<EntityId> {
    let header = Header {
        protocol: Protocol::Tcp,
        source: ip,
        source_port: 1,
        destination: ip,
        destination_port: 1,
    };
    let (_, rule) = lookup(fib, &header, State::New)?;
    match rule.action {
        Action::Forward(to) => Some(to),
        _ => None,
    }
}

#[test]
fn the_sweep_is_the_simulators_look_up() {
    for seed in 0..400 {
        let world = world(seed);
        let (fib, hops) = (world.fib(), world.sweep());
        let ends = world
            .nets
            .iter()
            .flat_map(|net| [net.network(), net.broadcast()]);
        let mut tried: Vec<IpAddr> = ends.collect();
        tried.extend(world.regions.starts());
        let more = [
            "0.0.0.0",
            "10.1.0.77",
            "255.255.255.255",
            "::",
            "fd00::3",
            "ffff::",
        ];
        tried.extend(more.map(|ip| ip.parse::<IpAddr>().unwrap()));
        for ip in tried {
            let told = world.regions.at(ip).and_then(|r| hops[r.0 as usize]);
            assert_eq!(
                told,
                walked(&fib, ip),
                "seed {seed}: {ip} in {:?}",
                world.nets
            );
            let one = world.regions.next_hop(&world.table, ip);
            assert_eq!(one, told, "seed {seed}: {ip}");
        }
    }
}

/// The IPv4 part of a table as a chain of choices, and of each region whether anything in it is chosen otherwise.
#[test]
fn the_solver_finds_no_address_of_a_region_that_goes_another_way() {
    for seed in 0..40 {
        let world = world(seed);
        let hops = world.sweep();
        let mut pool = TermPool::new();
        let ip = pool.variable("ip", Sort::BitVec(32));
        let v4: Vec<NetId> = (0..world.nets.len() as u32)
            .map(NetId)
            .filter(|id| world.net(*id).addr().is_ipv4())
            .collect();
        // Nobody is 3.
        let mut chosen = pool.bits(3, 2);
        for route in world.table.routes.iter().rev() {
            if v4.contains(&route.net) {
                let inside = within(&mut pool, ip, world.net(route.net));
                let via = pool.bits(u128::from(route.via.0), 2);
                chosen = pool.ite(inside, via, chosen);
            }
        }
        for &region in &v4 {
            let net = world.net(region);
            let mut facts = vec![within(&mut pool, ip, net)];
            for &other in v4
                .iter()
                .filter(|o| **o != region && net.contains(&world.net(**o)))
            {
                let inner = within(&mut pool, ip, world.net(other));
                facts.push(pool.not(inner));
            }
            let told = hops[region.0 as usize].map_or(3, |via| u128::from(via.0));
            let told = pool.bits(told, 2);
            let same = pool.eq(chosen, told);
            facts.push(pool.not(same));
            let mut solver = Z3::new();
            let goal = pool.and(&facts);
            solver.assert(&pool, goal);
            let answer = solver.check(&pool, &[], Limits::default());
            assert_eq!(answer, SatResult::Unsat, "seed {seed}: {net}");
        }
    }
}

fn within(pool: &mut TermPool, ip: TermId, net: IpNet) -> TermId {
    let IpNet::V4(net) = net else {
        return pool.truth(false);
    };
    let length = u32::from(net.prefix_len());
    if length == 0 {
        return pool.truth(true);
    }
    let front = pool.extract(ip, 31, 32 - length);
    let wanted = u128::from(u32::from(net.network()) >> (32 - length));
    let wanted = pool.bits(wanted, length);
    pool.eq(front, wanted)
}
