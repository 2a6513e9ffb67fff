"""Free mail: domains at which anybody can have an address, so that a domain says nothing about who writes."""

from __future__ import annotations

_NAMES = """
126.com 139.com 163.com 189.cn abv.bg alice.it aliyun.com aol.com aol.de arcor.de arnet.com.ar
att.net bellsouth.net bigpond.com bk.ru blueyonder.co.uk bluewin.ch bol.com.br btinternet.com
btopenworld.com centrum.cz charter.net comcast.net cox.net daum.net disroot.org duck.com
earthlink.net email.cz email.de email.it fastmail.com fastmail.fm foxmail.com free.fr freemail.hu
freenet.de frontier.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net
hey.com hotmail.be hotmail.ca hotmail.co.jp hotmail.co.uk hotmail.com hotmail.com.ar hotmail.com.br
hotmail.de hotmail.es hotmail.fr hotmail.it hotmail.nl hushmail.com icloud.com ig.com.br inbox.lv
inbox.ru interia.pl internode.on.net juno.com laposte.net libero.it list.ru live.be live.ca live.cn
live.co.uk live.com live.com.au live.com.mx live.de live.dk live.fr live.it live.nl live.se mac.com
mail.bg mail.com mail.de mail.ee mail.ru mailbox.org mailfence.com me.com mindspring.com msn.com
nate.com naver.com netscape.net netzero.net neuf.fr ntlworld.com o2.pl online.de onet.eu onet.pl
optonline.net optusnet.com.au orange.fr outlook.at outlook.be outlook.co.id outlook.com
outlook.com.ar outlook.com.br outlook.de outlook.dk outlook.es outlook.fr outlook.ie outlook.in
outlook.it outlook.jp outlook.kr outlook.pt outlook.sa outlook.sk passport.com planet.nl pm.me
poczta.fm posteo.de posteo.net proton.me protonmail.ch protonmail.com qq.com rambler.ru
rediffmail.com riseup.net rocketmail.com rogers.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca
sina.cn sina.com sky.com skynet.be sohu.com startmail.com sympatico.ca t-online.de talktalk.net
telenet.be telus.net terra.com.br tiscali.co.uk tiscali.it tom.com tuta.com tuta.io tutamail.com
tutanota.com tutanota.de uol.com.br ukr.net upcmail.nl verizon.net videotron.ca virgilio.it
virginmedia.com vodafone.de vp.pl wanadoo.fr wanadoo.nl web.de windowslive.com windstream.net wp.pl
xs4all.nl xtra.co.nz ya.ru yahoo.ca yahoo.cn yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.kr
yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.cn
yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw
yahoo.com.vn yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in yahoo.it yahoo.no
yahoo.pl yahoo.ro yahoo.se yandex.by yandex.com yandex.kz yandex.ru yeah.net ymail.com ziggo.nl
zoho.com zoho.eu zonnet.nl
"""
DOMAINS = frozenset(_NAMES.split())
"""The large providers of mail for everybody, and access providers whose customers have addresses there."""


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have an address at this domain (canonical, in lower case)."""
    return domain in DOMAINS
