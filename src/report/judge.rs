//! What budgets say of an artifact, and of what became of it since its baseline.

use super::model::{Artifact, Kind, PartKind};
use crate::size::{Budgets, Measured, OwnLayer, SizedPart, Sizes};

impl Artifact {
    /// Judges it. Budgets on growth count only where a baseline is at hand.
    pub fn judge(&mut self, budgets: &Budgets, baseline: Option<&Self>) {
        let own = self.layers.iter().filter(|layer| !layer.of_base);
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
        let own_layers = || self.layers.iter().filter(|layer| !layer.of_base);
        Sizes {
            packed: if is_image { Some(own_layers().map(|layer| layer.packed).sum()) } else { self.packed },
            unpacked: if is_image { own().map(|part| part.unpacked).sum() } else { self.unpacked_with_layers() },
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
