//! Lists as people and shops write them: quantities, titles above the header, dates that mean for ever.

use super::shop::{Shop, order, warns};
use serde_json::{Value, json};

#[test]
fn a_quantity_beside_one_barcode_lets_so_many_in() {
    let shop = Shop::with_fair();
    let list = "Order #,Barcode #,Name,Quantity,Ticket Type,Attendee Status\n\
        1,YAA7Q2ZW9XR4TN8VBM3P,Ada,3,Table of 3,Attending\n2,YAB7Q2ZW9XR4TN8VBM3Q,Bo,1,Single,Attending\n\
        3,YAC7Q2ZW9XR4TN8VBM3R,Cy,2.0,Pair,Attending\n";
    let report = shop.list(list, "");
    assert!(warns(&report, "2 lines are for several people"), "{report}");
    assert_eq!(shop.ticket("YAA7Q2ZW9XR4TN8VBM3P")["entries"], 3);
    assert_eq!(shop.ticket("YAB7Q2ZW9XR4TN8VBM3Q")["entries"], Value::Null);
    shop.device("fair");
    for _ in 0..3 {
        assert!(shop.scan("fair", "YAA7Q2ZW9XR4TN8VBM3P").contains("ADMIT"));
    }
    assert!(shop.scan("fair", "YAA7Q2ZW9XR4TN8VBM3P").contains("REFUSE"));
}

#[test]
fn a_quantity_that_may_be_that_of_the_order_is_asked_about() {
    let shop = Shop::with_fair();
    let list = "Order #,Barcode #,Qty\n1,YBA7Q2ZW9XR4TN8VBM3P,2\n1,YBB7Q2ZW9XR4TN8VBM3Q,2\n";
    let report = shop.list(list, "");
    assert!(warns(&report, "2 lines have a quantity"), "{report}");
    assert!(warns(&report, "--column 'entries=Qty'"), "{report}");
    assert_eq!(shop.ticket("YBA7Q2ZW9XR4TN8VBM3P")["entries"], Value::Null);
    let without_order = "Barcode,Anzahl\nYBC7Q2ZW9XR4TN8VBM3R,4\nYBD7Q2ZW9XR4TN8VBM3S,1\n";
    assert!(warns(
        &shop.list(without_order, ""),
        "1 line has a quantity"
    ));
    shop.list(without_order, "--column entries=Anzahl");
    assert_eq!(shop.ticket("YBC7Q2ZW9XR4TN8VBM3R")["entries"], 4);
}

#[test]
fn lines_above_the_header_are_left_out() {
    let shop = Shop::with_fair();
    let list = "Guest list; Gala\nExported;2026-11-30 18:00\n\nBarcode;Name;Type\n\
        YCA7Q2ZW9XR4TN8VBM3P;Ada;VIP\n;Bo;VIP\n";
    let report = shop.list(list, "--skip-bad");
    assert_eq!(
        (&report["created"], &report["bad_count"]),
        (&json!(1), &json!(1))
    );
    assert!(warns(&report, "2 lines stand above"), "{report}");
    assert_eq!(report["bad"][0]["at"], "line 6");
    assert_eq!(shop.ticket("YCA7Q2ZW9XR4TN8VBM3P")["holder"], "Ada");
    // A title of one cell above a list with commas, and a comma in the title.
    let list = "\"Gala, main hall\"\nbarcode,name\nYCB7Q2ZW9XR4TN8VBM3Q,Cy\n";
    assert_eq!(shop.list(list, "")["created"], 1);
    assert_eq!(shop.ticket("YCB7Q2ZW9XR4TN8VBM3Q")["holder"], "Cy");
}

#[test]
fn dates_that_mean_for_ever_bound_nothing() {
    let shop = Shop::with_fair();
    let list = "barcode,valid from,valid until\n\
        YDA7Q2ZW9XR4TN8VBM3P,1900-01-01,9999-12-31\nYDB7Q2ZW9XR4TN8VBM3Q,1970-01-01 00:00,31.12.2099\n\
        YDC7Q2ZW9XR4TN8VBM3R,2020-01-01,0000-00-00\nYDD7Q2ZW9XR4TN8VBM3S,2020-01-01,2120-05-05 24:00\n";
    assert_eq!(shop.list(list, "")["created"], 4);
    for code in ["YDA7Q2ZW9XR4TN8VBM3P", "YDB7Q2ZW9XR4TN8VBM3Q"] {
        let ticket = shop.ticket(code);
        assert_eq!(
            (&ticket["valid_from"], &ticket["valid_until"]),
            (&Value::Null, &Value::Null)
        );
    }
    let ticket = shop.ticket("YDD7Q2ZW9XR4TN8VBM3S");
    assert_ne!(ticket["valid_from"], Value::Null);
    assert_eq!(ticket["valid_until"], Value::Null);
    let ever = json!({"valid_from": "0001-01-01T00:00:00Z", "valid_until": "9999-12-31T23:59:59Z"});
    let report = shop.pretix(
        &[order(
            "Y0001",
            "p",
            &[(1, "pretixseceeeeeeeeeeeeeeeeeeeeee1", ever)],
        )],
        &[],
        "",
    );
    assert_eq!(report["bad_count"], 0);
    assert_eq!(shop.ticket("Y0001-1")["valid_until"], Value::Null);
}

#[test]
fn a_list_in_another_language_is_read_and_what_is_dropped_is_listed() {
    let shop = Shop::with_fair();
    for (list, holder) in [
        (
            "Código de barras;Nombre completo;Estado;Teléfono\nYEA7Q2ZW9XR4TN8VBM3P;Íñigo Peña;Pagado;1\n",
            "Íñigo Peña",
        ),
        (
            "Code-barres;Prénom;Nom;Statut;Téléphone\nYEB7Q2ZW9XR4TN8VBM3Q;Zoé;Lefèvre;Payé;1\n",
            "Zoé Lefèvre",
        ),
        (
            "Codice a barre;Nome completo;Stato;Telefono\nYEC7Q2ZW9XR4TN8VBM3R;Lia Rossi;Pagato;1\n",
            "Lia Rossi",
        ),
        (
            "Streepjescode;Voornaam;Achternaam;Status;Telefoon\nYED7Q2ZW9XR4TN8VBM3S;Ans;de Wit;Betaald;1\n",
            "Ans de Wit",
        ),
        (
            "Streckkod;Förnamn;Efternamn;Status;Telefon\nYEE7Q2ZW9XR4TN8VBM3T;Åsa;Öberg;Betald;1\n",
            "Åsa Öberg",
        ),
        (
            "Kod kreskowy;Imię i nazwisko;Status;Telefon\nYEF7Q2ZW9XR4TN8VBM3U;Łucja Żak;Opłacone;1\n",
            "Łucja Żak",
        ),
    ] {
        let report = shop.list(list, "");
        assert_eq!(report["created"], 1, "{report}");
        assert_eq!(
            report["unused_columns"].as_array().unwrap().len(),
            1,
            "{report}"
        );
        let code = list.lines().nth(1).unwrap().split(';').next().unwrap();
        let ticket = shop.ticket(code);
        assert_eq!(
            (&ticket["holder"], &ticket["state"]),
            (&json!(holder), &json!("valid"))
        );
    }
}

#[test]
fn a_position_sold_before_its_product_had_variations_is_a_ticket() {
    let shop = Shop::with_fair();
    let sold = order(
        "Z0001",
        "p",
        &[(1, "pretixsecfffffffffffffffffffff1", json!({"item": 5}))],
    );
    let items = json!([{"id": 5, "name": {"en": "Seat"}, "default_price": "49.00", "admission": true,
        "checkin_attention": false, "checkin_text": null, "generate_tickets": null,
        "variations": [{"id": 51, "value": {"en": "Left"}}, {"id": 52, "value": {"en": "Right"}}]}]);
    let report = shop.pretix(&[sold], &[("more-items.json", items)], "");
    assert_eq!(
        (&report["created"], &report["bad_count"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(report["types_created"], json!(["Seat"]));
}
