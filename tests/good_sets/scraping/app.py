"""Takes prices out of a page by three parsers, checks XML against a schema, and prepares the next request."""

import requests
from bs4 import BeautifulSoup
from lxml import etree, html

SCHEMA = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="price" type="xs:decimal"/>
</xs:schema>"""
STYLE = b"""<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text"/>
  <xsl:template match="/"><xsl:value-of select="count(//li)"/></xsl:template>
</xsl:stylesheet>"""


def handler(event, context):
    page = event["page"]
    by_xpath = html.fromstring(page).xpath("//li[@data-price]/@data-price")
    by_soup = [item["data-price"] for item in BeautifulSoup(page, "lxml").select("li[data-price]")]
    by_plain = [item.get_text(strip=True) for item in BeautifulSoup(page, "html.parser").find_all("li")]
    schema = etree.XMLSchema(etree.XML(SCHEMA))
    count = etree.XSLT(etree.XML(STYLE))(html.fromstring(page))
    request = requests.Request("GET", "https://shop.example/list", params={"page": 2, "q": "größe"}).prepare()
    return {
        "total": sum(float(price) for price in by_xpath),
        "agree": by_xpath == by_soup,
        "names": by_plain,
        "valid": [schema.validate(etree.fromstring(text)) for text in ("<price>1.5</price>", "<price>x</price>")],
        "count": str(count),
        "next": request.url,
    }
