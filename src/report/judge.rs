//! What budgets say of an artifact, and of what became of it since its baseline.

use super::model::{Artifact, Kind, PartKind};
use crate::size::{Budgets, Measured, OwnLayer, SizedPart, Sizes};

impl Artifact {
    /// Judges it. Budgets on growth count only where a baseline is at hand.
    pub fn judge(&mut self, budgets: &Budgets, baseline: Option<&Self>) {
        // What docker save writes is not packed: who pushes it packs it.
        let own = self.layers.iter().filter(|layer| !layer.of_base && self.packed.is_some());
        let measured = Measured {
            is_image: self.kind == Kind::Image,
            sizes: self.sizes(),
            own_layers: own.map(|layer| OwnLayer { name: &layer.what, packed: layer.packed }).collect(),
        };
        self.budgets = budgets.judge(&measured, baseline.map(Self::sizes).as_ref());
    }

    /// What counts: of an image what is above its base, as far as that is known.
    fn sizes(&self) -> Sizes<'_> {
        let own = || self.parts.iter().filter(|part| part.kind.is_ours());
        let is_image = self.kind == Kind::Image;
        // A baseline may say anything.
        let sum = |bytes: &mut dyn Iterator<Item = u64>| bytes.fold(0, u64::saturating_add);
        let own_layers = || self.layers.iter().filter(|layer| !layer.of_base);
        Sizes {
            packed: if is_image {
                self.packed.map(|_| sum(&mut own_layers().map(|layer| layer.packed)))
            } else {
                self.packed
            },
            unpacked: if is_image { sum(&mut own().map(|part| part.unpacked)) } else { self.unpacked_with_layers() },
            parts: own()
                .map(|part| SizedPart {
                    name: &part.name,
                    version: part.version.as_deref(),
                    is_distribution: part.kind == PartKind::Distribution,
                    unpacked: part.unpacked,
                })
                .collect(),
        }
    }
}
