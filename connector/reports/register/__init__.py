"""The register of special escalations: a workbook with one tab a situation, and the way back for what people wrote."""
