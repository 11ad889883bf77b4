//! The hash table behind hash-consing: from a hash to ids of equal-hashed entries, which the owner compares.
//!
//! Knows: hashes and numbers. Must never know: what a term is.

use std::hash::{Hash, Hasher};

/// Marks a free slot; no id gets there, since memory ends first.
const FREE: u32 = u32::MAX;

/// Open addressing over ids. The keys stay with the owner, so that nothing is stored twice.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// `(hash, id)`; the length is a power of two, or zero before the first entry.
    slots: Vec<(u64, u32)>,
    used: usize,
}

impl Interner {
    /// The id of the entry with this hash that `same` accepts.
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (slot_hash, id) = self.slots[at];
            if id == FREE {
                return None;
            }
            if slot_hash == hash && same(id) {
                return Some(id);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds an entry that [`Interner::find`] did not find.
    pub(super) fn insert(&mut self, hash: u64, id: u32) {
        // At most three quarters full, so that a search always meets a free slot soon.
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let bigger = vec![(0, FREE); (self.slots.len() * 2).max(64)];
            for (hash, id) in std::mem::replace(&mut self.slots, bigger) {
                if id != FREE {
                    self.place(hash, id);
                }
            }
        }
        self.place(hash, id);
        self.used += 1;
    }

    fn place(&mut self, hash: u64, id: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].1 != FREE {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash, id);
    }
}

/// A quick hash that is the same in every run; nobody attacks a term table, so no keyed hash is needed.
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = Mixer(0);
    value.hash(&mut hasher);
    hasher.finish()
}

struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn finish(&self) -> u64 {
        // The multiplication leaves the low bits weak, and the low bits pick the slot.
        let h = self.0 ^ (self.0 >> 32);
        h.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (h >> 29)
    }
}
