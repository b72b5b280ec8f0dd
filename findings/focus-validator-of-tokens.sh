#!/usr/bin/env bash
# No file passes the FOCUS validator: a charge's invoice must be null and must not, whole tokens in CSV are no numbers.
#
# focus-validator 2.2.1 (PyPI, needs Python 3.12) with the rules of FOCUS 1.2 that it brings (1.2.0.1).
#
# FOCUS says of InvoiceId that it is null when the charge is not on an invoice, and not null when it is. The validator
# lists each half as a rule of its own that every row must obey, and counts it: a file with invoices fails the one, a
# file without fails the other, one with both fails both, one without the column, though only recommended, all there is.
# In CSV a column's type is guessed from its digits. One of whole numbers is one of integers, which "MUST be of type
# DECIMAL, DOUBLE, or FLOAT", so what counts tokens as PricingQuantity fails unless it writes 1200.0, and so do the four
# costs of a file in which each happens to be in whole dollars. The same table as Parquet with decimals passes there.
# None of that shows in the exit status, which is 0: a CI job that runs the validator is green whatever it says.
#
# Seen:
#   whole tokens.csv: exit 0
#     InvoiceId-C-004-C InvoiceId MUST be NULL.
#     PricingQuantity-C-001-M PricingQuantity MUST be of type DECIMAL
#   whole tokens.parquet: exit 0
#     InvoiceId-C-004-C InvoiceId MUST be NULL.
#   written 1200.0.csv: exit 0
#     InvoiceId-C-004-C InvoiceId MUST be NULL.
#   whole dollars.csv: exit 0
#     BilledCost-C-001-M BilledCost MUST be of type DECIMAL
#     ContractedCost-C-001-M ContractedCost MUST be of type DECIMAL
#     EffectiveCost-C-001-M EffectiveCost MUST be of type DECIMAL
#     InvoiceId-C-004-C InvoiceId MUST be NULL.
#     ListCost-C-001-M ListCost MUST be of type DECIMAL
#   no invoice yet.parquet: exit 0
#     InvoiceId-C-005-C InvoiceId MUST NOT be NULL.
#   one of two has one.parquet: exit 0
#     InvoiceId-C-004-C InvoiceId MUST be NULL.
#     InvoiceId-C-005-C InvoiceId MUST NOT be NULL.
#   no InvoiceId column.parquet: exit 0
#     CostAndUsage-D-033-O Column 'InvoiceId' RECOMMENDED be present in the table.
#     InvoiceId-C-001-M Validation rule InvoiceId-C-001-M failed
#     InvoiceId-C-002-M Validation rule InvoiceId-C-002-M failed
#     InvoiceId-C-004-C Validation rule InvoiceId-C-004-C failed
#     InvoiceId-C-005-C Validation rule InvoiceId-C-005-C failed
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
for python in python3 python3.12 python3.13 python3.14 "$HOME"/.pyenv/versions/3.1[2-9].*/bin/python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>>other-pythons; then
        python3() { command "$python" "$@"; }
        break
    fi
done
python_packages focus-validator==2.2.1 pyarrow==21.0.0 # a newer pyarrow wants a newer NumPy than the validator allows

cat >make.py <<'PYTHON'
import polars
from datetime import datetime, timezone
from decimal import Decimal

def day(month, day):
    return datetime(2026, month, day, tzinfo=timezone.utc)

def charge(cost, tokens, invoice):
    costs = dict.fromkeys(["BilledCost", "EffectiveCost", "ContractedCost", "ListCost"], Decimal(cost))
    return costs | {
        "BillingCurrency": "USD", "BillingAccountId": "acme", "BillingAccountName": "Acme",
        "BillingAccountType": "Organization", "BillingPeriodStart": day(11, 1), "BillingPeriodEnd": day(12, 1),
        "ChargePeriodStart": day(11, 2), "ChargePeriodEnd": day(11, 3), "ChargeCategory": "Usage",
        "ChargeClass": None, "ChargeDescription": "Tokens of gpt-5-mini", "ChargeFrequency": "Usage-Based",
        "PricingQuantity": Decimal(tokens), "PricingUnit": "Tokens", "PricingCategory": "Standard",
        "ProviderName": "OpenAI", "PublisherName": "OpenAI", "InvoiceIssuerName": "OpenAI", "InvoiceId": invoice,
        "ServiceName": "API", "ServiceCategory": "AI and Machine Learning", "ServiceSubcategory": "Generative AI",
    }

TYPES = {Decimal: polars.Decimal(38, 12), datetime: polars.Datetime("us", "UTC")}

def write(name, *charges, without=()):
    rows = [{column: value for column, value in charge.items() if column not in without} for charge in charges]
    types = {column: TYPES.get(type(value), polars.String) for column, value in rows[0].items()}
    table = polars.DataFrame(rows, schema=types)
    table.write_parquet(f"{name}.parquet")
    instants = [column for column, type in types.items() if type == TYPES[datetime]]
    numbers = [column for column, type in types.items() if type == TYPES[Decimal]]
    columns = [polars.col(instants).dt.strftime("%Y-%m-%dT%H:%M:%SZ")]
    columns += [polars.Series(column, [str(row[column]) for row in rows]) for column in numbers]
    table.with_columns(columns).write_csv(f"{name}.csv")

billed, unbilled = (charge("0.0123", "1200.0", invoice) for invoice in ["2026-11", None])
write("whole tokens", charge("0.0123", "1200", "2026-11"))
write("written 1200.0", billed)
write("whole dollars", charge("5", "1200.0", "2026-11"))
write("no invoice yet", unbilled)
write("one of two has one", billed, unbilled)
write("no InvoiceId column", unbilled, without=["InvoiceId"])
PYTHON

validate() {
    local file packages status
    packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') # where it looks for its rules from
    for file in "whole tokens.csv" "whole tokens.parquet" "written 1200.0.csv" "whole dollars.csv" \
        "no invoice yet.parquet" "one of two has one.parquet" "no InvoiceId column.parquet"; do
        status=0
        (cd "$packages" && focus-validator --data-file "$work/$file" --validate-version 1.2.0.1 \
            --focus-dataset CostAndUsage --block-download) >report 2>&1 || status=$?
        echo "$file: exit $status"
        # What fails itself, not by what it consists of.
        sed -nE '/ failed - /d; s/^. ([A-Za-z]+-[CD]-[0-9]+-[MOC]): FAIL .*msg=([^,[]*[^],[ ]).*/  \1 \2/p' report
    done
}
python make.py
still_prints validate
