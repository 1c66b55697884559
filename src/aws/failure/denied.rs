//! A permission that somebody lacks, from the sentence in which AWS refuses it: *User: ARN is not authorized to perform: ACTION on
//! resource: RESOURCE because …*. Not every service says all of it, and S3 often says *Access Denied* alone.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.

use serde_json::json;

/// What is missing, and what has it missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Denied {
    /// `iam:PassRole`: what AWS names may be another action than that of the call.
    pub(super) action: String,
    /// An ARN, or `*`.
    pub(super) resource: String,
    /// What kind of policy it is that is in the way; none where a statement more is enough.
    obstacle: Option<&'static str>,
}

impl Denied {
    /// As AWS says it; what it leaves out is what was asked.
    pub(super) fn read(words: &str, action: &str, resource: &str) -> Self {
        let named = after(words, "perform: ").filter(|text| is_action(text));
        let of_words =
            after(words, "on resource: ").map(|text| text.trim_matches(['"', '\''])).filter(|text| is_resource(text));
        // Of another action than the one that was asked for, the resource is another one, too.
        let resource = match (of_words, named) {
            (Some(found), _) => found,
            (None, Some(found)) if found != action => "*",
            _ => resource,
        };
        Self { action: named.unwrap_or(action).to_owned(), resource: resource.to_owned(), obstacle: obstacle(words) }
    }

    /// What to do: the statement to add, or whom to ask.
    pub(super) fn hint(&self) -> String {
        let Self { action, resource, obstacle } = self;
        match obstacle {
            Some(obstacle) => {
                format!("{obstacle} forbids {action} on {resource}: whoever manages it has to allow it")
            }
            None => format!("add to a policy of whoever has these credentials: {}", self.statement()),
        }
    }

    fn statement(&self) -> String {
        json!({ "Effect": "Allow", "Action": self.action, "Resource": self.resource }).to_string()
    }
}

/// The word that follows.
fn after<'w>(words: &'w str, before: &str) -> Option<&'w str> {
    words.split_once(before)?.1.split_whitespace().next()
}

/// `service:Name`.
fn is_action(text: &str) -> bool {
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    text.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// `arn:…` or `*`: what AWS names may also be a user's input.
fn is_resource(text: &str) -> bool {
    text == "*" || (text.starts_with("arn:") && !text.contains(['"', '\\']))
}

/// Where a statement more in the caller's own policy does not help.
fn obstacle(words: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 5] = [
        ("service control policy", "a service control policy of the organization"),
        ("resource control policy", "a resource control policy of the organization"),
        ("permissions boundary", "the permissions boundary of whoever has these credentials"),
        ("session policy", "the session policy with which these credentials were made"),
        ("explicit deny", "a policy with an explicit deny"),
    ];
    KINDS.into_iter().find(|(said, _)| words.contains(said)).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: ";

    fn hint(words: &str) -> String {
        Denied::read(words, "lambda:CreateFunction", "arn:aws:lambda:eu-west-1:123456789012:function:app").hint()
    }

    #[test]
    fn the_statement_has_what_aws_names() {
        let words = format!(
            "{USER}iam:PassRole on resource: arn:aws:iam::123456789012:role/jobs because no identity-based policy allows the \
             iam:PassRole action"
        );
        assert_eq!(
            hint(&words),
            r#"add to a policy of whoever has these credentials: {"Action":"iam:PassRole","Effect":"Allow","Resource":"arn:aws:iam::123456789012:role/jobs"}"#
        );
        let quoted =
            format!("{USER}s3:PutObject on resource: \"arn:aws:s3:::jobs/key\" because no identity-based policy …");
        assert!(
            hint(&quoted).ends_with(r#"{"Action":"s3:PutObject","Effect":"Allow","Resource":"arn:aws:s3:::jobs/key"}"#)
        );
    }

    #[test]
    fn what_aws_leaves_out_is_what_was_asked() {
        let own = r#"{"Action":"lambda:CreateFunction","Effect":"Allow","Resource":"arn:aws:lambda:eu-west-1:123456789012:function:app"}"#;
        for words in
            ["", "Access Denied", &format!("{USER}lambda:CreateFunction"), "to perform: \"rm\" on resource: evil"]
        {
            assert!(hint(words).ends_with(own), "{words}: {}", hint(words));
        }
        let other = format!("{USER}kms:Decrypt");
        assert!(hint(&other).ends_with(r#"{"Action":"kms:Decrypt","Effect":"Allow","Resource":"*"}"#));
    }

    #[test]
    fn where_no_statement_helps_it_is_said_who_can() {
        for (because, who) in [
            (
                "with an explicit deny in a service control policy",
                "a service control policy of the organization forbids",
            ),
            ("because no permissions boundary allows the action", "the permissions boundary of whoever has"),
            ("with an explicit deny in an identity-based policy", "a policy with an explicit deny forbids"),
        ] {
            let said = hint(&format!(
                "{USER}lambda:CreateFunction on resource: arn:aws:lambda:eu-west-1:1:function:a {because}"
            ));
            assert!(said.starts_with(who), "{said}");
        }
    }
}
