//! What the command line says of who asks AWS, and where.

/// It goes over what AWS's own chain finds: variables, profiles, roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The Region.
    pub region: Option<String>,
    /// The profile of AWS's configuration files. Its credentials then go before those of variables, as with the AWS command line.
    pub profile: Option<String>,
}

impl Access {
    /// The same, in a Region if one is given.
    #[must_use]
    pub fn in_region(&self, region: Option<&str>) -> Self {
        Self { region: region.map(str::to_owned).or_else(|| self.region.clone()), ..self.clone() }
    }
}
