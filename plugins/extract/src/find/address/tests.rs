use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Vec<String> {
    let found = find(&Scan::new(text)).into_iter();
    found.map(|address| address.normalized.unwrap()).collect()
}

#[test]
fn addresses_in_the_ways_of_many_countries() {
    for (text, address) in [
        (
            "14 Marlowe Road\nLeeds\nLS6 2AB",
            "14 Marlowe Road, Leeds, LS6 2AB",
        ),
        (
            "Please send it to 14 Marlowe Road, Leeds LS6 2AB instead.",
            "14 Marlowe Road, Leeds LS6 2AB",
        ),
        (
            "Flat 3, Beacon House\n112 Prescot Street\nManchester M3 7QX\nTel. 0161",
            "Flat 3, Beacon House, 112 Prescot Street, Manchester M3 7QX",
        ),
        (
            "Rose Cottage\nNether Lane\nLittle Wenham\nIP9 8QT",
            "Rose Cottage, Nether Lane, Little Wenham, IP9 8QT",
        ),
        ("I moved to 8 Tanner's Row last week", "8 Tanner's Row"),
        (
            "we rehearse at St Oswald's Hall, Grange Road, Durham (from 7 to 9)",
            "St Oswald's Hall, Grange Road, Durham",
        ),
        (
            "18 Seaview Terrace\nDún Laoghaire\nCo. Dublin\nA96 F5K2\nIreland",
            "18 Seaview Terrace, Dún Laoghaire, Co Dublin, A96 F5K2, Ireland",
        ),
        (
            "1200 5th Ave NW, Apt 4B, Springfield, IL 62704-1234",
            "1200 5th Ave NW, Apt 4B, Springfield, IL 62704-1234",
        ),
        (
            "309 Magnolia Bend Dr\nHattiesburg MS 39402\n\nPlease",
            "309 Magnolia Bend Dr, Hattiesburg MS 39402",
        ),
        (
            "P.O. Box 118, Salem, Oregon 97301",
            "P.O Box 118, Salem, Oregon 97301",
        ),
        (
            "17 Eleanor Drive, Nepean, Ontario K2E 6A3",
            "17 Eleanor Drive, Nepean, Ontario K2E 6A3",
        ),
        (
            "110 Victoria Street, Carlton VIC 3053, Australia",
            "110 Victoria Street, Carlton VIC 3053, Australia",
        ),
        (
            "71 Anson Place, #12-03, Singapore 079912",
            "71 Anson Place, #12-03, Singapore 079912",
        ),
        (
            "Lindenstraße 5\n10969 Berlin\nGermany",
            "Lindenstraße 5, 10969 Berlin, Germany",
        ),
        (
            "12 rue de la Paix, 75002 Paris",
            "12 rue de la Paix, 75002 Paris",
        ),
        (
            "Via dei Cordai, 31\nint. 8\n50125 Firenze (FI)\nItaly",
            "Via dei Cordai, 31, int 8, 50125 Firenze FI, Italy",
        ),
        (
            "Calle Mayor 3, 2.º C, 28013 Madrid",
            "Calle Mayor 3, 2.º C, 28013 Madrid",
        ),
        (
            "Rua do Olival 210, 2.º Dto.\n4050-433 Porto\nPortugal",
            "Rua do Olival 210, 2.º Dto, 4050-433 Porto, Portugal",
        ),
        (
            "Eerste Weteringstraat 24-II\n1017 TX Amsterdam",
            "Eerste Weteringstraat 24-II, 1017 TX Amsterdam",
        ),
        (
            "Kouter 19 bus 3\n9000 Gent\nBelgium",
            "Kouter 19 bus 3, 9000 Gent, Belgium",
        ),
        (
            "U Staré pošty 341/7\n602 00 Brno",
            "U Staré pošty 341/7, 602 00 Brno",
        ),
        (
            "ul. Długa 5, 00-238 Warszawa",
            "ul Długa 5, 00-238 Warszawa",
        ),
        (
            "Nørre Farimagsvej 30, 4. th, 1364 København K",
            "Nørre Farimagsvej 30, 4 th, 1364 København K",
        ),
        (
            "resend to 225 e cactus wren dr, phoenix az 85020",
            "225 e cactus wren dr, phoenix az 85020",
        ),
        (
            "9340 Highway 64 East, Siler City, North Carolina 27344",
            "9340 Highway 64 East, Siler City, North Carolina 27344",
        ),
        (
            "Apartment 31, The Granary\nMerchants Quay\nLimerick\nV94 XH27",
            "Apartment 31, The Granary, Merchants Quay, Limerick, V94 XH27",
        ),
        (
            "Unit 7 Tannery Court\nKingston upon Thames\nKT1 3GZ",
            "Unit 7 Tannery Court, Kingston upon Thames, KT1 3GZ",
        ),
        (
            "at 1520 NW 3rd Avenue, Unit 6, Gainesville, Fla. 32603.",
            "1520 NW 3rd Avenue, Unit 6, Gainesville, Fla 32603",
        ),
        (
            "Rua da Fonte Santa, n.º 31\n3000-174 Coimbra",
            "Rua da Fonte Santa, n.º 31, 3000-174 Coimbra",
        ),
        (
            "> 52b Lindley Grove\n> Huddersfield\n> HD3 3RS",
            "52b Lindley Grove, Huddersfield, HD3 3RS",
        ),
    ] {
        assert_eq!(found(text), [address], "{text}");
    }
}

#[test]
fn what_only_looks_like_an_address_is_none() {
    for text in [
        "3 Street Fighter games",
        "order 4471 Road bike",
        "It took 10 minutes down the road.",
        "on 12 March 2024",
        "the traffic on Oxford Street was terrible, 3 hours",
        "do you deliver to LS6 2AB?",
        "2 court cases and 1 place setting",
        "Room 12, Gate 4",
        "An Xbox 360 via PayPal 2 days ago",
        "Engineering 101 and Spring 2024",
        "Oak Ridge, TN 37831",
        "I have 3 Abbey Road albums",
        "",
    ] {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn two_addresses_one_after_the_other_are_two() {
    let text = "from 6 Abbots Close, Wells, Somerset BA5 9LN to\nFlat 2, 41 Priory Road\nShepton Mallet\nBA4 6ZT";
    assert_eq!(
        found(text),
        [
            "6 Abbots Close, Wells, Somerset BA5 9LN",
            "Flat 2, 41 Priory Road, Shepton Mallet, BA4 6ZT"
        ]
    );
}

#[test]
fn offsets_are_those_of_the_text() {
    let text = "né à l'hôtel. Schreiben Sie an: Lindenstraße 5, 10969 Berlin.";
    let address = &find(&Scan::new(text))[0];
    assert_eq!(address.value, "Lindenstraße 5, 10969 Berlin");
    assert_eq!(address.span.of(text), address.value);
}

#[test]
fn a_long_text_of_streets_takes_time_in_proportion() {
    let text = "14 Marlowe Road Leeds House 3, ".repeat(8_000);
    assert!(find(&Scan::new(&text)).len() > 1_000);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,80}|([0-9]{1,5}[a-z]? ?|[A-Z][a-z]{2,8} |Road|Str\\. |, |\n|PO Box |#4|LS6 2AB|10115 ){0,30}") {
        let mut end = 0;
        for address in find(&Scan::new(&text)) {
            prop_assert!(address.span.start >= end, "addresses overlap");
            end = address.span.end;
            prop_assert_eq!(address.span.of(&text), &address.value);
        }
    }
}
