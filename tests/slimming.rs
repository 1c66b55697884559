//! What `standard` and `deep` have to leave since something names it in a way that is not an import: each case is built,
//! unpacked and run where this machine can, and its other half shows that the same goes if nothing names it.
