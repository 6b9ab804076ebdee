//! The tables of alert rules and what follows from them.

diesel::table! {
    alert_rule (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        name -> Text,
        enabled -> Bool,
        kind -> Text,
        group_id -> Nullable<BigInt>,
        tag -> Nullable<Text>,
        server_id -> Nullable<BigInt>,
        measure -> Text,
        label -> Nullable<Text>,
        label_pattern -> Nullable<Text>,
        comparison -> Text,
        warning -> Nullable<Double>,
        critical -> Nullable<Double>,
        recovery -> Nullable<Double>,
        sustain -> BigInt,
        share -> Integer,
        cooldown -> BigInt,
        remind_every -> Nullable<BigInt>,
        remind_limit -> Integer,
        channels -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    incident (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        rule_id -> BigInt,
        rule_name -> Text,
        kind -> Text,
        measure -> Text,
        comparison -> Text,
        server_id -> BigInt,
        label -> Text,
        severity -> Text,
        worst_severity -> Text,
        threshold -> Double,
        value -> Double,
        worst -> Double,
        opened_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        noticed_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        flaps -> Integer,
        told_at -> BigInt,
        reminders -> Integer,
        acknowledged_at -> Nullable<BigInt>,
        acknowledged_by -> Text,
        note -> Text,
        snoozed_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    incident_event (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        incident_id -> BigInt,
        at -> BigInt,
        kind -> Text,
        severity -> Text,
        value -> Nullable<Double>,
        person -> Text,
        note -> Text,
    }
}

diesel::table! {
    alert_notice (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        incident_id -> BigInt,
        rule_id -> BigInt,
        kind -> Text,
        severity -> Text,
        at -> BigInt,
        due_at -> BigInt,
        bundle -> BigInt,
        channels -> Text,
        tells -> Text,
        set_aside -> Integer,
    }
}

diesel::table! {
    alert_state (server_id, rule_id, label) {
        server_id -> BigInt,
        rule_id -> BigInt,
        label -> Text,
        organisation_id -> BigInt,
        tracks -> Text,
    }
}

diesel::table! {
    server_boot (server_id) {
        server_id -> BigInt,
        organisation_id -> BigInt,
        boot_at -> BigInt,
    }
}

diesel::table! {
    maintenance_window (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        name -> Text,
        group_id -> Nullable<BigInt>,
        tag -> Nullable<Text>,
        server_id -> Nullable<BigInt>,
        from_at -> Nullable<BigInt>,
        to_at -> Nullable<BigInt>,
        days -> Nullable<Integer>,
        minute -> Nullable<Integer>,
        length -> Nullable<BigInt>,
        zone -> Nullable<Text>,
        until_at -> Nullable<BigInt>,
        created_at -> BigInt,
        created_by -> Text,
    }
}
