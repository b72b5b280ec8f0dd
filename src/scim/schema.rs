//! What a user and a group have, and how the server describes itself (RFC 7643, sections 4 to 7).

use serde_json::{Value, json};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    User,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Boolean,
    DateTime,
    Reference,
    Complex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: Type,
    /// It is a list of values.
    pub many: bool,
    pub required: bool,
    /// Large and small letters are told apart.
    pub exact: bool,
    pub mutability: Mutability,
    /// It is in every answer, whatever was asked for.
    pub always: bool,
    /// No two resources have the same.
    pub unique: bool,
    pub canonical: &'static [&'static str],
    pub references: &'static [&'static str],
    pub parts: &'static [Attribute],
    pub description: &'static str,
}

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Type::Text,
        many: false,
        required: false,
        exact: false,
        mutability: Mutability::ReadWrite,
        always: false,
        unique: false,
        canonical: &[],
        references: &[],
        parts: &[],
        description,
    }
}

const fn complex(name: &'static str, parts: &'static [Attribute], description: &'static str) -> Attribute {
    Attribute { kind: Type::Complex, parts, ..text(name, description) }
}

const fn read_only(attribute: Attribute) -> Attribute {
    Attribute { mutability: Mutability::ReadOnly, ..attribute }
}

const fn reference(references: &'static [&'static str], description: &'static str) -> Attribute {
    Attribute { kind: Type::Reference, exact: true, references, ..text("$ref", description) }
}

/// Attributes that every resource has (RFC 7643, section 3.1).
static COMMON: [Attribute; 4] = [
    Attribute { many: true, exact: true, always: true, ..read_only(text("schemas", "What the resource is made of.")) },
    Attribute { exact: true, always: true, unique: true, ..read_only(text("id", "Its id here.")) },
    Attribute { exact: true, ..text("externalId", "Its id at the provider.") },
    read_only(complex("meta", &META, "About the resource.")),
];

static META: [Attribute; 5] = [
    Attribute { exact: true, ..read_only(text("resourceType", "User or Group.")) },
    Attribute { kind: Type::DateTime, ..read_only(text("created", "When it was made.")) },
    Attribute { kind: Type::DateTime, ..read_only(text("lastModified", "When it was last changed.")) },
    Attribute { exact: true, ..read_only(text("location", "Where it is.")) },
    Attribute { exact: true, ..read_only(text("version", "As in ETag.")) },
];

static USER_ATTRIBUTES: [Attribute; 6] = [
    Attribute {
        required: true,
        unique: true,
        ..text("userName", "What the person signs in by at the provider; often the address.")
    },
    complex("name", &NAME, "The parts of the person's name."),
    text("displayName", "The person's name as others read it."),
    Attribute { kind: Type::Boolean, ..text("active", "Whether the person belongs to the organization now.") },
    Attribute { many: true, ..complex("emails", &EMAIL, "Addresses of the person.") },
    Attribute {
        many: true,
        ..read_only(complex("groups", &USER_GROUP, "The groups that the person is in; changed by those."))
    },
];

static NAME: [Attribute; 3] = [
    text("formatted", "The whole name."),
    text("familyName", "The family name."),
    text("givenName", "The given name."),
];

static EMAIL: [Attribute; 4] = [
    text("value", "The address."),
    text("display", "The address as others read it."),
    Attribute { canonical: &["work", "home", "other"], ..text("type", "What it is for.") },
    Attribute { kind: Type::Boolean, ..text("primary", "Whether it is the one to write to.") },
];

static USER_GROUP: [Attribute; 3] = [
    Attribute { exact: true, ..read_only(text("value", "The group's id.")) },
    read_only(reference(&["Group"], "Where the group is.")),
    read_only(text("display", "The group's name.")),
];

static ENTERPRISE_ATTRIBUTES: [Attribute; 6] = [
    text("employeeNumber", "The person's number at the company."),
    text("costCenter", "The cost centre that the person is of."),
    text("organization", "The organization that the person is of."),
    text("division", "The division that the person is of."),
    text("department", "The department that the person is of."),
    complex("manager", &MANAGER, "Who leads the person."),
];

static MANAGER: [Attribute; 2] = [
    Attribute { exact: true, ..text("value", "The id of the person's manager.") },
    read_only(text("displayName", "The manager's name.")),
];

static GROUP_ATTRIBUTES: [Attribute; 2] = [
    Attribute {
        required: true,
        unique: true,
        ..text("displayName", "What a mapping knows the group by; else the name of the team that it is.")
    },
    Attribute { many: true, ..complex("members", &MEMBER, "The people in the group.") },
];

static MEMBER: [Attribute; 3] = [
    Attribute { exact: true, mutability: Mutability::Immutable, ..text("value", "The person's id.") },
    Attribute { mutability: Mutability::Immutable, ..reference(&["User"], "Where the person is.") },
    Attribute { mutability: Mutability::Immutable, canonical: &["User"], ..text("type", "User.") },
];

/// Attributes of the RFC that are taken and not kept: nothing here has a use for them.
const NOT_KEPT: [&str; 16] = [
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
    "middleName",
];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Group => "Group",
        }
    }

    pub fn endpoint(self) -> &'static str {
        match self {
            Kind::User => "/Users",
            Kind::Group => "/Groups",
        }
    }

    pub fn schema(self) -> &'static str {
        match self {
            Kind::User => USER,
            Kind::Group => GROUP,
        }
    }

    fn attributes(self) -> &'static [Attribute] {
        match self {
            Kind::User => &USER_ATTRIBUTES,
            Kind::Group => &GROUP_ATTRIBUTES,
        }
    }

    /// Attributes of its own and of every resource, those of an extension not among them.
    pub fn all_attributes(self) -> impl Iterator<Item = &'static Attribute> {
        self.attributes().iter().chain(&COMMON)
    }

    pub fn attribute(self, name: &str) -> Option<&'static Attribute> {
        named(name, self.all_attributes())
    }

    /// The attributes of its extension, if that is one.
    pub fn extension(self, schema: &str) -> Option<(&'static str, &'static [Attribute])> {
        let is_it = self == Kind::User && schema.eq_ignore_ascii_case(ENTERPRISE_USER);
        is_it.then_some((ENTERPRISE_USER, &ENTERPRISE_ATTRIBUTES[..]))
    }
}

impl Attribute {
    pub fn part(&self, name: &str) -> Option<&'static Attribute> {
        named(name, self.parts.iter())
    }
}

/// Names are the same in any letters.
pub fn named(name: &str, of: impl IntoIterator<Item = &'static Attribute>) -> Option<&'static Attribute> {
    of.into_iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Whether the RFC has an attribute that is not kept here: what comes of it is dropped and nothing is refused.
pub fn is_not_kept(name: &str) -> bool {
    NOT_KEPT.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// `/Schemas`, in the order of their ids' use.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let schema = |id: &'static str, name: &str, description: &str, attributes: &'static [Attribute]| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "description": description,
            "attributes": attributes.iter().map(described).collect::<Vec<_>>(),
            "meta": {"resourceType": "Schema"},
        });
        (id, body)
    };
    vec![
        schema(USER, "User", "A person of the organization", &USER_ATTRIBUTES),
        schema(GROUP, "Group", "People of the organization, mapped to a role or a team", &GROUP_ATTRIBUTES),
        schema(ENTERPRISE_USER, "EnterpriseUser", "What a company says of a person", &ENTERPRISE_ATTRIBUTES),
    ]
}

fn described(attribute: &'static Attribute) -> Value {
    let (kind, mutability) = (attribute.kind, attribute.mutability);
    let mut body = json!({
        "name": attribute.name,
        "type": match kind {
            Type::Text => "string",
            Type::Boolean => "boolean",
            Type::DateTime => "dateTime",
            Type::Reference => "reference",
            Type::Complex => "complex",
        },
        "multiValued": attribute.many,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": match mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
        },
        "returned": if attribute.always { "always" } else { "default" },
    });
    let more = body.as_object_mut().expect("an object");
    if kind == Type::Complex {
        more.insert("subAttributes".into(), attribute.parts.iter().map(described).collect());
        return body;
    }
    if kind != Type::Boolean {
        more.insert("caseExact".into(), attribute.exact.into());
        more.insert("uniqueness".into(), if attribute.unique { "server" } else { "none" }.into());
    }
    if !attribute.canonical.is_empty() {
        more.insert("canonicalValues".into(), attribute.canonical.into());
    }
    if kind == Type::Reference {
        more.insert("referenceTypes".into(), attribute.references.into());
    }
    body
}

/// `/ResourceTypes`.
pub fn resource_types() -> Vec<(&'static str, Value)> {
    let resource_type = |kind: Kind, description: &str, extensions: Value| {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": kind.name(),
            "name": kind.name(),
            "endpoint": kind.endpoint(),
            "description": description,
            "schema": kind.schema(),
            "meta": {"resourceType": "ResourceType"},
        });
        if extensions.is_array() {
            body["schemaExtensions"] = extensions;
        }
        (kind.name(), body)
    };
    vec![
        resource_type(
            Kind::User,
            "A person of the organization",
            json!([{"schema": ENTERPRISE_USER, "required": false}]),
        ),
        resource_type(Kind::Group, "People of the organization", Value::Null),
    ]
}

/// `/ServiceProviderConfig`; `most` is how many resources an answer has at most.
pub fn service_provider_config(most: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": most},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Token of kind scim",
            "description": "A token that the operator or an owner of the organization makes, sent as a bearer token",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig"},
    })
}
